"""Slots that a freeze took, and the command that runs them."""

from typing import Any

import pytest

from rota.keepers.state import KeeperState, LedgerEntry
from rota.runs import RunStatus, Trigger
from schedules.lost_slots import lost_to
from tests.rota.keepers.desks import HOUR, T0, pinned
from tests.schedules.slot_entries import HOURLY, entry


def lost(number: int, **fields: Any) -> LedgerEntry:
    """The slot of that hour, turned away by a freeze."""
    frozen = {"status": RunStatus.SKIPPED, "reason": "frozen by ann: x", "frozen": True}
    return entry(f"r{number}", T0 + number * HOUR, **(frozen | fields))


@pytest.mark.parametrize(
    ("entries", "hours", "others"),
    [
        pytest.param([lost(1), lost(2), lost(4)], [1, 2, 4], 0, id="in order"),
        pytest.param([lost(2, run=None), lost(1)], [1, 2], 0, id="without a run"),
        pytest.param([lost(1), entry("b", T0 + HOUR)], [], 0, id="succeeded since"),
        pytest.param([lost(-1), lost(9)], [], 0, id="of other freezes"),
        pytest.param([lost(0, admitted_at=T0 + HOUR), lost(1)], [0, 1], 0, id="late when it began"),
        pytest.param([lost(1, trigger=Trigger.EVENT)], [], 1, id="an event"),
        pytest.param([lost(1, trigger=Trigger.MANUAL)], [], 1, id="a person"),
    ],
)
def test_lost_slots_are_those_of_the_freeze_that_have_not_succeeded_since(
    entries: list[LedgerEntry], hours: list[int], others: int
) -> None:
    """From 7 to 11 o'clock it was frozen."""
    state = KeeperState(spec=pinned(schedule=HOURLY))
    found = lost_to("report", state, entries, T0 + HOUR / 2, T0 + 5 * HOUR)
    assert found.slots == tuple(T0 + hour * HOUR for hour in hours)
    assert found.others == others


def test_command_spans_all_slots_that_were_lost() -> None:
    """Ready to be typed; nothing to type if none was."""
    state = KeeperState(spec=pinned(schedule=HOURLY))
    found = lost_to("report", state, [lost(1), lost(3)], T0, T0 + 5 * HOUR)
    assert found.command == (
        "rota backfill report --from 2026-11-22T07:00:00Z --to 2026-11-22T09:00:00Z --only-missing"
    )
    assert lost_to("report", state, [], T0, T0 + HOUR).command == ""


def test_slots_of_a_retired_agent_are_told_all_the_same() -> None:
    """Nobody can backfill them now, which is for the person to know."""
    found = lost_to("report", KeeperState(), [lost(1)], T0, T0 + 5 * HOUR)
    assert found.slots == (T0 + HOUR,)
