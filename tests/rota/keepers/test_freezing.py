"""What a freeze lets go, keeps waiting and turns away: tables on a keeper's desk."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from rota.coordination.lineage import Lineage
from rota.keepers import freezing, orders
from rota.keepers.admission import Decision
from rota.keepers.freeze import FreezeMode, FreezeRequest, FreezeScope
from rota.runs import RunStatus, Trigger
from tests.rota.keepers.desks import HOUR, T0, Desk

MINUTE = timedelta(minutes=1)
FROZEN = "frozen by ann: quarter end"


def request(**fields: Any) -> FreezeRequest:
    """Ann's freeze."""
    return FreezeRequest.model_validate({"reason": "quarter end", "by": "ann", **fields})


class FrozenDesk(Desk):
    """A keeper's desk with freezes."""

    def at(self, now: datetime) -> "FrozenDesk":
        """Set the clock."""
        self.now = now
        return self

    def freeze(self, **fields: Any) -> None:
        """Somebody freezes it."""
        self.state, self.change = freezing.freeze(self.state, request(**fields), self.now)

    def thaw(self) -> None:
        """Bob thaws it."""
        self.state, self.change = freezing.thaw(self.state, "bob", self.now)


def part_of(began: datetime | None) -> Lineage:
    """The place of a run below one whose work began then."""
    return Lineage(root="top", parent="top", began=began)


@pytest.mark.parametrize("mode", FreezeMode)
@pytest.mark.parametrize("trigger", Trigger)
@pytest.mark.parametrize("began", [None, T0 - MINUTE, T0, T0 + MINUTE])
def test_frozen_keeper_lets_in_only_parts_of_runs_that_were_at_work_before(
    mode: FreezeMode, trigger: Trigger, began: datetime | None
) -> None:
    """A handoff or a node goes with 'drain' if its work is older than the freeze."""
    desk = FrozenDesk()
    desk.freeze(mode=mode)
    desk.at(T0 + 2 * MINUTE)
    answer = desk.admit("new", trigger=trigger, lineage=part_of(began))
    parts = trigger in (Trigger.HANDOFF, Trigger.UPSTREAM)
    old = began is not None and began <= T0
    goes = mode is FreezeMode.DRAIN and parts and old
    assert answer.decision is (Decision.GO if goes else Decision.SKIP)
    assert answer.reason == ("" if goes else FROZEN)


def test_run_says_when_its_work_began_and_its_parts_say_the_same() -> None:
    """What a caller hands down is the time of the run at the top."""
    desk = FrozenDesk(session_concurrency="parallel")
    top = desk.admit("top")
    part = desk.at(T0 + HOUR).admit("part", trigger="handoff", lineage=part_of(top.began))
    event = desk.admit("event", trigger="event", lineage=part_of(None))
    assert (top.began, part.began, event.began) == (T0, T0, T0 + HOUR)


def test_queue_stands_still_until_the_thaw_but_parts_of_runs_at_work_pass() -> None:
    """Who waited before waits on, in order; the part goes first, and nobody is lost."""
    desk = FrozenDesk()
    desk.admit("holder")
    assert desk.admit("second").decision is Decision.WAIT
    part = desk.admit("part", trigger="handoff", lineage=part_of(T0 - HOUR))
    desk.freeze()
    desk.settle("holder")
    granted = desk.grant()
    assert (part.decision, granted and granted.run.id) == (Decision.WAIT, "part")
    desk.settle("part")
    assert desk.grant() is None
    assert desk.admit("second").reason == f"{FROZEN}; it waits for the thaw"
    desk.thaw()
    granted = desk.grant()
    assert granted is not None
    assert granted.run.id == "second"


def test_newcomer_that_is_let_in_does_not_wait_behind_those_who_wait_for_the_thaw() -> None:
    """Not even where a busy session turns runs away."""
    desk = FrozenDesk(parallel=1, session_concurrency="skip")
    desk.order("owed", T0, force=False)
    desk.freeze()
    waits = desk.admit("owed", T0, trigger="backfill")
    part = desk.admit("part", trigger="handoff", lineage=part_of(T0))
    assert (waits.decision, part.decision) == (Decision.WAIT, Decision.GO)


def test_retired_agent_answers_those_who_wait_although_it_is_frozen() -> None:
    """Nobody waits for the thaw of something that is declared no more."""
    desk = FrozenDesk()
    desk.admit("holder")
    desk.admit("second")
    desk.freeze()
    desk.retire()
    granted = desk.grant()
    assert granted is not None
    assert granted.decision is Decision.SKIP


def test_orders_are_not_due_while_frozen_and_due_after() -> None:
    """Re-runs and backfills wait."""
    desk = FrozenDesk()
    desk.order("owed", T0, force=False)
    desk.freeze()
    assert orders.due_orders(desk.state) == ()
    desk.thaw()
    assert len(orders.due_orders(desk.state)) == 1


def test_slots_of_a_freeze_are_listed_one_by_one_and_not_caught_up_on() -> None:
    """A late run presents itself with five passed slots: all six are noted, none runs."""
    desk = FrozenDesk(catchup_policy="latest")
    desk.freeze()
    slots = [T0 + number * HOUR for number in range(6)]
    desk.at(slots[-1] + MINUTE)
    answer = desk.admit("late", slots[0], *slots[1:])
    lost = freezing.lost_slots(desk.state.ledger.values(), T0, desk.now)
    assert (answer.decision, answer.coalesced_into) == (Decision.SKIP, None)
    assert lost == slots
    assert {reason for _, _, reason in desk.ledger()} == {FROZEN}


@pytest.mark.parametrize(
    ("presents", "slot", "passed", "goes", "noted"),
    [
        pytest.param(10, 3, [4, 5], False, [3, 4, 5], id="a slot of the freeze, late"),
        pytest.param(10, 0, [3, 4], True, [3, 4], id="an older one, the newer of the freeze"),
        pytest.param(10, 0, [3, 9], False, [3], id="an older one, for a newer after the freeze"),
        pytest.param(10, 9, [], True, [], id="a slot after the freeze"),
    ],
)
def test_catch_up_after_a_thaw_leaves_out_the_slots_of_the_freeze(
    presents: int, slot: int, passed: list[int], goes: bool, noted: list[int]
) -> None:
    """The worker was down: slots from 2 to 6 o'clock were frozen, and stay undone."""
    desk = FrozenDesk(catchup_policy="latest")
    desk.at(T0 + 2 * HOUR).freeze()
    desk.at(T0 + 6 * HOUR).thaw()
    desk.at(T0 + presents * HOUR)
    answer = desk.admit("late", T0 + slot * HOUR, *(T0 + each * HOUR for each in passed))
    assert (answer.decision is Decision.GO) is goes
    lost = freezing.lost_slots(desk.state.ledger.values(), T0 + 2 * HOUR, T0 + 6 * HOUR)
    assert lost == [T0 + each * HOUR for each in noted]
    if slot == 3:
        assert answer.reason == f"{FROZEN} (until 2026-11-22T12:00:00Z)"
    if passed == [3, 9]:
        assert answer.coalesced_into == T0 + 9 * HOUR


@pytest.mark.parametrize("how", ["backfill of the schedule", "backfill of Rota", "on time", "hand"])
def test_slot_of_a_past_freeze_runs_if_somebody_means_it_or_it_is_on_time(how: str) -> None:
    """What is lost can be had; a slot that began within the minute was not lost."""
    desk = FrozenDesk()
    desk.freeze()
    desk.at(T0 + MINUTE / 2).thaw()
    if how != "on time":
        desk.at(T0 + HOUR)
    asked: dict[str, Any] = {
        "backfill of the schedule": {"backfill": True},
        "backfill of Rota": {"trigger": "backfill"},
        "on time": {},
        "hand": {"trigger": "manual"},
    }[how]
    assert desk.admit("run", T0, **asked).decision is Decision.GO


def test_skipped_slot_is_a_gap_that_a_run_of_it_closes() -> None:
    """It is not taken: a backfill of the slot may go after the thaw."""
    desk = FrozenDesk()
    desk.freeze()
    desk.admit("skipped", T0)
    desk.at(T0 + HOUR).thaw()
    assert desk.admit("again", T0, trigger="backfill").decision is Decision.GO
    assert (desk.entry("skipped").status, desk.entry("skipped").frozen) == (
        RunStatus.SKIPPED,
        True,
    )


def test_freeze_ends_when_it_said_however_late_that_is_noticed() -> None:
    """A keeper whose worker slept through the end lets the next run go, and dates it right."""
    desk = FrozenDesk()
    desk.freeze(until=T0 + HOUR)
    assert freezing.rest(desk.state, T0) == HOUR
    assert desk.admit("early").reason == FROZEN
    desk.at(T0 + 5 * HOUR)
    assert desk.admit("late").decision is Decision.GO
    (past,) = desk.state.thawed
    assert (desk.state.freeze, past.ended, past.by) == (None, T0 + HOUR, "")


def test_freeze_in_the_past_is_refused() -> None:
    """Nothing is changed by it."""
    desk = FrozenDesk()
    with pytest.raises(freezing.FreezeRefusedError, match="2026-11-22T06:00:00Z"):
        desk.freeze(until=T0)
    assert desk.state.freeze is None


COMPETING: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "the same": ({}, {}, {"earlier": ()}),
    "a later end": (
        {"until": T0 + HOUR},
        {"until": T0 + 2 * HOUR},
        {"until": T0 + 2 * HOUR, "earlier": ()},
    ),
    "an earlier end": ({"until": T0 + 2 * HOUR}, {"until": T0 + HOUR}, {"until": T0 + 2 * HOUR}),
    "no end": ({"until": T0 + HOUR}, {}, {"until": None}),
    "an end, to one without": ({}, {"until": T0 + HOUR}, {"until": None}),
    "a cancel": ({}, {"mode": "cancel"}, {"mode": FreezeMode.CANCEL}),
    "a drain, to a cancel": ({"mode": "cancel"}, {}, {"mode": FreezeMode.CANCEL}),
    "all, to a team": ({"scope": "team"}, {"scope": "all"}, {"scope": FreezeScope.ALL}),
    "a team, to all": ({"scope": "all"}, {"scope": "team"}, {"scope": FreezeScope.ALL}),
    "somebody else": (
        {},
        {"by": "eve", "reason": "leak"},
        {"by": "eve", "reason": "leak", "earlier": ("ann: quarter end",)},
    ),
}


@pytest.mark.parametrize(("first", "second", "expected"), COMPETING.values(), ids=COMPETING)
def test_second_freeze_never_weakens_the_first(
    first: dict[str, Any], second: dict[str, Any], expected: dict[str, Any]
) -> None:
    """The stricter of each holds, in the newer words, since the first."""
    desk = FrozenDesk()
    desk.freeze(**first)
    desk.at(T0 + MINUTE).freeze(**second)
    held = desk.state.freeze
    assert held is not None
    assert held.at == T0
    assert {key: getattr(held, key) for key in expected} == expected
    assert desk.change.before is not None
    assert desk.change.before.by == "ann"


def test_thaw_ends_all_freezes_and_tells_the_last() -> None:
    """One word is enough, whoever froze it; again it changes nothing."""
    desk = FrozenDesk()
    desk.freeze()
    desk.freeze(by="eve", reason="leak")
    desk.thaw()
    told = desk.change.before
    assert told is not None
    assert (told.by, told.earlier, desk.state.freeze) == ("eve", ("ann: quarter end",), None)
    before = desk.state
    desk.thaw()
    assert (desk.state, desk.change.before) == (before, None)


def test_declaring_an_agent_anew_leaves_it_frozen() -> None:
    """Also after it was retired: `rota apply` thaws nothing."""
    desk = FrozenDesk()
    desk.freeze()
    desk.retire()
    desk.declare()
    assert desk.admit("new").reason == FROZEN
