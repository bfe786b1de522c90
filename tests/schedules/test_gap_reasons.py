"""Why there is nothing to tell of a slot: each gap in a ledger has its reason."""

from datetime import timedelta
from typing import Any

import pytest

from rota.expected.evidence import Fired
from rota.expected.in_force import Chronicle, declared
from rota.expected.live import LiveSchedule
from rota.keepers.state import LedgerEntry
from rota.runs import Trigger
from tests.rota.keepers.desks import HOUR, T0, pinned
from tests.schedules.slot_entries import HOURLY, IS_SLOT, NEXT, SLOT, entry, explained, texts

EARLY = entry("r0", T0 - HOUR)
"""The ledger reaches back before the slot."""
MOVED = LiveSchedule(differs=("schedule.every is 2h, not 1h",))
BACKFILL = f"'rota backfill report --from {SLOT} --to {SLOT}' runs it now"
TERMINATED = Fired(run="report-1", at=T0, ended=T0 + HOUR, how="terminated")
LONG = entry("r0", T0 - HOUR, settled_at=T0 + timedelta(minutes=5))
"""It was still at work when the slot came."""


@pytest.mark.parametrize(
    ("entries", "fields", "told"),
    [
        pytest.param((), {}, ["no run was ever admitted"], id="empty ledger"),
        pytest.param(
            (),
            {"live": None},
            [
                "no run was ever admitted",
                "the server has no schedule 'report': 'rota apply' creates it",
            ],
            id="no schedule on the server",
        ),
        pytest.param(
            (entry("r9", T0 + HOUR),),
            {},
            [f"the ledger begins later, at {NEXT}: nothing is known of its time"],
            id="before the ledger",
        ),
        pytest.param(
            (EARLY,),
            {"slot": T0 + 5 * HOUR},
            ["it lies in the future, 3h from now"],
            id="future",
        ),
        pytest.param(
            (EARLY,),
            {"slot": T0 + 5 * HOUR, "live": LiveSchedule(paused=True, note="bank is down")},
            [
                "it lies in the future, 3h from now",
                "the schedule is paused (bank is down): slots that come meanwhile are dropped; "
                "'rota resume report' ends it",
            ],
            id="future, and paused",
        ),
        pytest.param(
            (EARLY,),
            {
                "slot": T0 + 5 * HOUR,
                "live": LiveSchedule(differs=("schedule.every is 2h, not 1h",)),
            },
            [
                "it lies in the future, 3h from now",
                "the schedule on the server is not the declared one: schedule.every is 2h, not 1h; "
                "'rota apply' mends it",
            ],
            id="future, and changed by hand",
        ),
        pytest.param(
            (LONG,),
            {},
            [
                "r0 was at work at that time, until 2026-11-22T06:05:00Z; with overlap 'skip' the "
                f"server drops the slots that come meanwhile; {BACKFILL}"
            ],
            id="another run was at work",
        ),
        pytest.param(
            (EARLY,),
            {"fired": {T0: Fired(run="report-1", at=T0)}},
            [
                "the server started report-1 at 2026-11-22T06:00:00Z, which has not been admitted "
                "yet: its worker is busy or gone, see 'rota watch report-1'"
            ],
            id="started, not admitted",
        ),
        pytest.param(
            (EARLY,),
            {"fired": {T0: TERMINATED}},
            [
                "the server started report-1 at 2026-11-22T06:00:00Z, which terminated before it "
                "was admitted: see 'rota show report-1'"
            ],
            id="started, ended before it was admitted",
        ),
        pytest.param(
            (EARLY,),
            {"unread": "store gone", "unread_until": T0},
            ["older entries of the ledger cannot be read: store gone"],
            id="pages that cannot be read",
        ),
        pytest.param(
            (EARLY,),
            {"slot": T0 + timedelta(minutes=7)},
            ["no run was started for it"],
            id="not a slot",
        ),
    ],
)
def test_explain_of_a_slot_without_an_entry_tells_why(
    entries: tuple[LedgerEntry, ...], fields: dict[str, Any], told: list[str]
) -> None:
    """Never a silent nothing: each gap has its reason."""
    explanation = explained(*entries, **fields)
    assert texts(explanation) == told
    assert (explanation.outcome, explanation.run_id) == ("none", "")


def test_explain_of_a_slot_names_the_declaration_that_expected_it() -> None:
    """Not today's: the one of its own time, with who applied it."""
    before = pinned(digest="4f2a" * 16, schedule=HOURLY, applied_by="ann")
    chronicle = declared(Chronicle(), before, T0 - HOUR)
    chronicle = declared(chronicle, pinned(schedule={"cron": "30 * * * *"}), T0 + HOUR)
    first = explained(EARLY, chronicle=chronicle).chain[0]
    assert first.text == (
        "it is a slot of the schedule, as declared at 2026-11-22T05:00:00Z by ann, version "
        "4f2a4f2a4f2a (0 * * * *, UTC)"
    )


def test_explain_of_a_gap_nobody_can_explain_lists_what_it_may_be() -> None:
    """It says what is not known instead of guessing, and how to make up for it."""
    (told,) = texts(explained(EARLY))
    assert told.startswith("no run was ever admitted for it, and nothing tells why: ")
    assert told.endswith(BACKFILL)


def test_explain_of_no_slot_names_the_nearest() -> None:
    """A typing mistake is seen at once."""
    explanation = explained(EARLY, slot=T0 + timedelta(minutes=7))
    assert explanation.chain[0].text == (
        "it is no slot of the schedule, as declared now (0 * * * *, UTC); the nearest: "
        f"{SLOT} and {NEXT}"
    )


def test_explain_without_a_schedule_says_so_and_tells_the_runs_all_the_same() -> None:
    """A slot may be named by hand."""
    explanation = explained(entry("r1", trigger=Trigger.MANUAL), spec={})
    assert explanation.chain[0].text.startswith("report has no schedule: ")
    assert explanation.outcome == "succeeded"


def test_explain_after_retirement_uses_the_last_declaration() -> None:
    """The ledger outlives the declaration."""
    last = pinned(schedule=HOURLY)
    explanation = explained(spec={"none": True}, state={"retired": last})
    assert explanation.chain[0].text == IS_SLOT
    assert texts(explanation)[-1].startswith("no declaration is in force any more")
