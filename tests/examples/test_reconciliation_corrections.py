"""What the settlement proposes, computed again from the books; and who may write there."""

import sqlite3
from collections import Counter
from contextlib import closing
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from rota.tools import ToolError

BY_KIND = {
    ("missing_in_ledger", "bank"): "post_line",
    ("missing_at_bank", "ledger"): "chase_payment",
    ("doubled", "bank"): "claim_refund",
    ("doubled", "ledger"): "reverse_line",
    ("wrong_amount", "bank"): "adjust_line",
    ("wrong_date", "bank"): "redate_line",
    ("reversed", "bank"): "reopen_payment",
}


def correct_all(desk: Any, cause: str = "event") -> list[dict[str, Any]]:
    """Propose a correction for everything that is flagged."""
    desk.input["cause"] = cause
    entries = [row[0] for row in desk.rows("SELECT entry_id FROM discrepancies")]
    return [desk.call("correct", f"{cause}-{x}", entry_id=x, note="As found.") for x in entries]


def cents_of(desk: Any, entry_id: str) -> int:
    """The amount of an entry on either side."""
    ((cents,),) = desk.rows(
        "SELECT cents FROM bank_entries WHERE id = ?1 "
        "UNION ALL SELECT cents FROM ledger_lines WHERE id = ?1",
        entry_id,
    )
    return cents


def test_month_gets_the_correction_that_each_planted_case_wants(
    month: SimpleNamespace, truth: dict[str, Any]
) -> None:
    """All 33, each with the action for its kind and the amount that closes the gap."""
    proposed = {item["entry_id"]: item for item in correct_all(month.desk)}
    planted = [plant for plant in truth["planted"] if plant["discrepancy"]]
    assert len(proposed) == len(planted) == 33
    for plant in planted:
        item, cents = proposed[plant["entry_id"]], cents_of(month.desk, plant["entry_id"])
        assert item["action"] == BY_KIND[plant["kind"], plant["side"]], plant
        expected = {
            "post_line": cents,
            "reopen_payment": cents,
            "reverse_line": -cents,
            "adjust_line": cents - sum(cents_of(month.desk, x) for x in plant["related"][:1]),
        }.get(item["action"], 0)
        assert item["amount"] == f"{Decimal(expected) / 100:,.2f} EUR", plant


def test_corrections_of_a_cause_add_up_to_what_is_to_be_posted(month: SimpleNamespace) -> None:
    """The summary holds what this event has led to, and nothing of another."""
    proposed = correct_all(month.desk)
    summary = month.desk.call("corrections", "k")
    amounts = [Decimal(item["amount"].split()[0].replace(",", "")) for item in proposed]
    assert summary["count"] == len(proposed)
    assert summary["to_post"] == [f"{sum(amounts):,.2f} EUR"]
    assert Counter(item["action"] for item in summary["corrections"]) == Counter(
        item["action"] for item in proposed
    )
    month.desk.input["cause"] = "another"
    assert month.desk.call("corrections", "k")["count"] == 0


def test_correction_proposed_again_changes_nothing(month: SimpleNamespace) -> None:
    """The first proposal stays, whichever event, run or model comes second."""
    correct_all(month.desk)
    before = month.desk.dump()
    again = correct_all(month.desk, cause="the same day again")
    assert not any(item["new"] for item in again)
    assert month.desk.dump() == before


@pytest.mark.parametrize("what", ["unknown", "matched"])
def test_correction_of_what_is_no_discrepancy_is_refused(month: SimpleNamespace, what: str) -> None:
    """Whatever a payload says, only flagged entries that are still open are corrected."""
    ((matched,),) = month.desk.rows("SELECT id FROM bank_entries WHERE match IS NOT NULL LIMIT 1")
    before = month.desk.dump()
    entry = "NOBODY" if what == "unknown" else matched
    with pytest.raises(ToolError, match="has nothing to correct: it is not flagged"):
        month.desk.call("correct", "k", entry_id=entry, note="told to")
    assert month.desk.dump() == before


def test_unresolved_lists_the_oldest_first_with_its_age_and_correction(
    month: SimpleNamespace,
) -> None:
    """Every flagged entry is there until it finds its match."""
    (oldest,) = month.desk.call("unresolved", "k")["open"][:1]
    month.desk.call("correct", "c", entry_id=oldest["entry_id"], note="As found.")
    shown = month.desk.call("unresolved", "k")
    assert (shown["count"], shown["without_correction"]) == (33, 32)
    ages = [item["business_days_open"] for item in shown["open"]]
    assert ages == sorted(ages, reverse=True)
    assert (ages[0], shown["as_of"]) == (29, "2026-11-11")
    assert shown["open"][0]["correction"] is not None
    assert all(item["correction"] is None for item in shown["open"][1:])


@pytest.mark.parametrize("stale", [{"general-ledger": 4}, {}])
def test_write_of_a_run_that_has_lost_its_lock_is_refused(
    month: SimpleNamespace, stale: dict[str, int]
) -> None:
    """Once holder 5 has written, holder 4 and one without a lock change nothing."""
    desk = month.desk
    first, second = (row[0] for row in desk.rows("SELECT entry_id FROM discrepancies LIMIT 2"))
    desk.fences = {"general-ledger": 5}
    desk.call("correct", "five", entry_id=first, note="As found.")
    before = desk.dump()
    desk.fences = stale
    with pytest.raises(ToolError, match=r"the lock general-ledger has passed on: .* 5 has written"):
        desk.call("correct", "late", entry_id=second, note="As found.")
    with pytest.raises(ToolError, match="the lock general-ledger has passed on"):
        desk.call("flag", "late", entry_id=second, kind="doubled", explanation="Late.")
    assert desk.dump() == before


def test_answer_of_a_call_that_was_done_is_given_after_the_lock_too(
    month: SimpleNamespace,
) -> None:
    """A repeated call changes nothing, so it needs no lock to learn what it did."""
    desk = month.desk
    first, second = (row[0] for row in desk.rows("SELECT entry_id FROM discrepancies LIMIT 2"))
    desk.fences = {"general-ledger": 4}
    done = desk.call("correct", "four", entry_id=first, note="As found.")
    desk.fences = {"general-ledger": 5}
    desk.call("correct", "five", entry_id=second, note="As found.")
    desk.fences = {"general-ledger": 4}
    assert desk.call("correct", "four", entry_id=first, note="As found.") == done


def test_state_of_an_earlier_version_gets_what_is_new(month: SimpleNamespace) -> None:
    """Books that were kept before there were corrections go on as they are."""
    with closing(sqlite3.connect(month.desk.state)) as connection:
        connection.executescript(
            "DROP TABLE corrections; DROP TABLE fences; PRAGMA user_version = 1;"
        )
    assert len(correct_all(month.desk)) == 33
