"""What an agent takes on of the freezes that are in force when it is applied."""

from dataclasses import replace

import pytest

from rota.keepers.freeze import Freeze, FreezeScope
from schedules.changes import Action, AgentPlan, Step
from schedules.freezes import Freezable, begun_frozen, left_unjudged
from tests.rota.keepers.desks import T0

TEAM, EVERYTHING, ONE = FreezeScope.TEAM, FreezeScope.ALL, FreezeScope.AGENT


def keeper(name: str, team: str, scope: FreezeScope | None = None) -> Freezable:
    """An agent's keeper, frozen or not."""
    held = Freeze(reason="leak", by="ann", scope=scope, at=T0) if scope else None
    return Freezable(name, "Agent", team, True, held, "q")


@pytest.mark.parametrize(
    ("action", "keepers", "note"),
    [
        (Action.CREATE, [keeper("a", "new", TEAM)], "it begins frozen, as its team is, by ann"),
        (Action.CREATE, [keeper("a", "far", EVERYTHING)], "it begins frozen, as everything is"),
        (Action.CREATE, [keeper("a", "new", ONE), keeper("b", "far", TEAM)], ""),
        (
            Action.CHANGE,
            [keeper("report", "old"), keeper("a", "new", TEAM)],
            "it is frozen with its move to team new, as its team is, by ann: leak",
        ),
        # Its own may end before the team's.
        (
            Action.CHANGE,
            [keeper("report", "old", ONE), keeper("a", "new", TEAM)],
            "it is frozen with its move to team new, as its team is, by ann: leak",
        ),
        # It was thawed by name while all the others stay frozen.
        (Action.CHANGE, [keeper("report", "old"), keeper("a", "new", EVERYTHING)], ""),
        (Action.CHANGE, [keeper("report", "new"), keeper("a", "new", TEAM)], ""),
    ],
)
def test_agent_that_comes_to_a_frozen_team_is_frozen_before_it_is_declared(
    action: Action, keepers: list[Freezable], note: str
) -> None:
    """New, or from another team; what somebody has thawed by name stays so."""
    planned = AgentPlan(agent="report", action=action, steps=(Step.DECLARE,))
    frozen = begun_frozen(planned, keepers, "new")
    assert (frozen.freeze is not None) is bool(note)
    if note:
        assert frozen.steps == (Step.FREEZE, Step.DECLARE)
        assert frozen.notes[-1].startswith(note)
    else:
        assert frozen == planned


@pytest.mark.parametrize(
    ("frozen", "told"),
    [
        (["judge"], ["judge grades a, b: until the thaw, runs fail there unjudged"]),
        # Nobody is told of runs that do not start.
        (["judge", "a"], ["judge grades b: until the thaw, runs fail there unjudged"]),
        (["judge", "a", "b"], []),
        (["a"], []),
    ],
)
def test_freeze_of_a_grader_names_the_agents_whose_runs_fail_for_it(
    frozen: list[str], told: list[str]
) -> None:
    """Not those that are frozen, too, just now or before."""
    graded = [replace(keeper(name, "t"), graders=("judge",)) for name in ("a", "b")]
    before = replace(keeper("c", "t", ONE), graders=("judge",))
    assert left_unjudged([*graded, before, keeper("judge", "t")], frozen) == told
