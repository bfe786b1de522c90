"""Slots whose runs have not begun in the time that is promised."""

import pytest

from rota.keepers.state import LedgerEntry
from rota.runs import RunStatus
from tests.rota.keepers.desks import T0, Desk
from tests.rota.watchdog.slot_looks import HOUR, MINUTE, Checks, entry

HELD = {"every": "1h", "overlap": "queue_all"}
SLA = {"sla": {"start_within": "10m"}}
QUEUED = RunStatus.QUEUED
SKIPPED = RunStatus.SKIPPED
LATE = ("late", "open")


@pytest.mark.parametrize(
    ("now", "run", "told"),
    [
        pytest.param(9, entry(T0, 1, QUEUED), [], id="still in time"),
        pytest.param(11, entry(T0, 1, QUEUED), [LATE], id="waits in a queue"),
        pytest.param(
            12, entry(T0, 11), [LATE, ("late", "it began at 2026-11-22T06:11:00Z")], id="has begun"
        ),
        pytest.param(
            13,
            entry(T0, 1, let_go=12),
            [LATE, ("late", "it began at 2026-11-22T06:12:00Z")],
            id="its turn came late",
        ),
        pytest.param(12, entry(T0, 9), [], id="began in time"),
        pytest.param(13, entry(T0, 1, let_go=9), [], id="its turn came in time"),
    ],
)
def test_slot_whose_run_has_not_begun_in_time_is_late(
    now: int, run: LedgerEntry, told: list[tuple[str, str]]
) -> None:
    """Told also if it has begun meanwhile, then with its end."""
    assert Checks(HELD, SLA).told(T0 + now * MINUTE, run) == told


@pytest.mark.parametrize(
    ("then", "ended"),
    [
        pytest.param([entry(T0, 1, let_go=14)], "it began at 2026-11-22T06:14:00Z", id="begins"),
        pytest.param(
            [entry(T0, 1, SKIPPED, ended=14, reason="crowded")],
            "it did not run: it is told as missed",
            id="is turned away",
        ),
        pytest.param(
            [entry(T0, 1, SKIPPED, ended=14, reason="frozen by ann", frozen=True)],
            "frozen by ann",
            id="is frozen",
        ),
        pytest.param([], "it did not run: it is told as missed", id="is lost"),
    ],
)
def test_late_slot_ends_with_what_has_become_of_it(then: list[LedgerEntry], ended: str) -> None:
    """One that never runs is not well again."""
    checks = Checks(HELD, SLA)
    assert checks.told(T0 + 12 * MINUTE, entry(T0, 1, QUEUED)) == [LATE]
    told = checks.told(T0 + 15 * MINUTE, *then)
    assert ("late", ended) in told
    assert ("missed" in dict(told)) == ("missed" in ended)
    assert ("late", "open") not in told


def test_late_slot_is_over_if_nobody_promises_it_any_more() -> None:
    """Its declaration has changed meanwhile."""
    checks = Checks(HELD, SLA)
    waits = entry(T0, 1, QUEUED)
    assert checks.told(T0 + 12 * MINUTE, waits) == [LATE]
    checks.spec = {}
    assert checks.told(T0 + 13 * MINUTE, waits) == [("late", "it is not promised any more")]


def test_ledger_keeps_when_the_turn_of_a_queued_run_came() -> None:
    """By that a run that was admitted at once, and waited then, is late."""
    desk = Desk()
    desk.admit("first", T0)
    desk.at(T0 + HOUR).admit("second", T0 + HOUR)
    desk.at(T0 + 2 * HOUR).settle("first")
    desk.grant()
    ledger = {each.run.id: each for each in desk.state.ledger.values() if each.run}
    assert ledger["first"].let_go_at is None
    assert ledger["second"].let_go_at == T0 + 2 * HOUR
    assert ledger["second"].admitted_at == T0 + HOUR
