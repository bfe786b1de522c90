"""Which runs move a session's baseline in the keeper, and what the next run is given."""

from datetime import datetime

import pytest

from rota.checks.baseline import BaselineRefusedError, BaselineRequest
from rota.keepers import baselines as keeper_baselines
from rota.runs import RunStatus, Trigger
from tests.rota.checks.baselines import standing
from tests.rota.keepers.desks import HOUR, T0, Desk

DAILY = {"cron": "0 6 * * *"}


def ran(
    desk: Desk,
    name: str,
    digest: str | None,
    status: RunStatus = RunStatus.SUCCEEDED,
    slot: datetime | None = None,
    **request: object,
) -> None:
    """A run from its admission to its end."""
    desk.admit(name, slot, **request)
    desk.settle(name, status, output=digest)


@pytest.mark.parametrize(
    "status", [each for each in RunStatus if each.closed and each is not RunStatus.SUCCEEDED]
)
@pytest.mark.parametrize("mode", ["manual", "auto"])
def test_run_that_did_not_succeed_moves_nothing(mode: str, status: RunStatus) -> None:
    """Not even with a result: what it has is not all of it."""
    desk = Desk(baseline=mode)
    ran(desk, "r1", "a", status)
    assert standing(desk.session().baseline) == ("-", "-", "-")


def test_run_of_an_agent_without_the_key_leaves_no_baseline() -> None:
    """And its session is dropped again, as it always was."""
    desk = Desk()
    ran(desk, "r1", "a")
    assert desk.state.sessions == {}


def test_rerun_of_an_older_slot_replaces_no_newer_candidate() -> None:
    """A forced re-run of yesterday is no news of today."""
    desk = Desk(baseline="manual")
    ran(desk, "r2", "b", slot=T0 + HOUR)
    ran(desk, "r1", "a", slot=T0, trigger=Trigger.RERUN)
    assert desk.entry("r1").status is RunStatus.SUCCEEDED
    assert standing(desk.session().baseline) == ("-", "b", "-")


def test_handoff_moves_the_baseline_only_of_an_agent_without_a_schedule() -> None:
    """A scheduled agent compares with its own nights, not with what others had it do."""
    for spec, candidate in (({}, "a"), ({"schedule": DAILY}, "-")):
        desk = Desk(baseline="manual", **spec)
        ran(desk, "r1", "a", trigger=Trigger.HANDOFF)
        assert standing(desk.session().baseline) == ("-", candidate, "-")


def test_next_run_is_given_what_was_accepted_in_its_session_and_rejected_since() -> None:
    """Sessions apart: another key's run is given nothing."""
    desk = Desk(baseline="manual", session_key="{input.account}")
    ran(desk, "r1", "a", input={"account": "x"})
    said = BaselineRequest(session="x", digest="a", by="ann")
    desk.state, kept = keeper_baselines.accept(desk.state, said, desk.now)
    assert standing(kept) == ("a", "-", "-")
    given = desk.admit("r2", input={"account": "x"}).baseline
    assert given is not None
    assert given.digest == "a"
    assert desk.admit("r3", input={"account": "y"}).baseline is None


def test_rerun_of_the_accepted_slot_is_given_what_its_first_run_was() -> None:
    """It would else find that nothing differs from itself."""
    desk = Desk(baseline="auto")
    ran(desk, "r1", "a", slot=T0)
    ran(desk, "r2", "b", slot=T0 + HOUR)
    again = desk.admit("r3", T0 + HOUR, trigger=Trigger.RERUN).baseline
    assert again is not None
    assert again.digest == "a"


def test_judging_is_refused_where_no_baseline_is_kept() -> None:
    """The answer says which key to declare."""
    desk = Desk()
    for judge in (keeper_baselines.accept, keeper_baselines.reject):
        with pytest.raises(BaselineRefusedError, match=r"session: \{baseline: manual\}"):
            judge(desk.state, BaselineRequest(session="x", digest="a", by="ann"), desk.now)


def test_admission_of_an_agent_without_the_key_has_the_same_bytes() -> None:
    """What is recorded of such runs does not name baselines."""
    admission = Desk().admit("r1")
    assert "baseline" not in admission.model_dump_json()
