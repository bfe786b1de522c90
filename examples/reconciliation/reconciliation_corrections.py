"""What would put a discrepancy right: computed from the books, recorded once per entry.

A correction is a proposal for the accountant: nothing here posts a line. The amount follows
from the facts that were flagged, never from what anybody wrote about them.
"""

import sqlite3
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from reconciliation_books import horizon
from reconciliation_classify import Kind
from reconciliation_entries import business_days, money
from reconciliation_state import Answer, StateError


class Action(StrEnum):
    """What the accountant should do. Closed."""

    POST_LINE = "post_line"
    """Post what the bank booked."""
    REVERSE_LINE = "reverse_line"
    """Take the second of two equal lines back."""
    ADJUST_LINE = "adjust_line"
    """Post the difference between bank and ledger."""
    REDATE_LINE = "redate_line"
    """Move the line to the day of the bank's booking."""
    REOPEN_PAYMENT = "reopen_payment"
    """Post the return: the payment is due again."""
    CLAIM_REFUND = "claim_refund"
    """Ask for money that went out twice; the ledger is right."""
    CHASE_PAYMENT = "chase_payment"
    """Find out where a payment is; the ledger may be right."""


@dataclass(frozen=True)
class Correction:
    """A proposal."""

    action: Action
    cents: int
    """To be posted to the account in the ledger; 0 if no amount changes."""
    currency: str


_ITEMS = """
    SELECT id, account, cents, currency, match, 'bank' AS side FROM bank_entries
    UNION ALL SELECT id, account, cents, currency, match, 'ledger' FROM ledger_lines
"""
_OPEN = f"""
    SELECT d.entry_id, d.proposed_kind, d.related, d.kind, d.day, d.explanation,
        i.account, i.cents, i.currency, i.side, c.action, c.cents AS by_cents, c.note
    FROM discrepancies d JOIN ({_ITEMS}) i ON i.id = d.entry_id
    LEFT JOIN corrections c ON c.entry_id = d.entry_id
    WHERE i.match IS NULL
"""


def propose(connection: sqlite3.Connection, entry_id: str, note: str, cause: str) -> Answer:
    """Record the correction of one discrepancy; the first record of an entry stays.

    Raises:
        StateError: the entry is not flagged, or has found its match since.
    """
    row = connection.execute(f"{_OPEN} AND d.entry_id = ?", (entry_id,)).fetchone()
    if row is None:
        raise StateError(
            f"{entry_id[:40]} has nothing to correct: it is not flagged, or has found its match "
            "since"
        )
    found = _correction(connection, row)
    inserted = connection.execute(
        "INSERT INTO corrections (entry_id, action, cents, currency, note, cause) "
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (entry_id) DO NOTHING",
        (entry_id, found.action.value, found.cents, found.currency, note, cause),
    )
    return {
        "entry_id": entry_id,
        "action": found.action.value,
        "amount": money(found.cents, found.currency),
        "new": bool(inserted.rowcount),
    }


def caused_by(connection: sqlite3.Connection, cause: str) -> Answer:
    """Return the corrections that one event, or one run, has led to."""
    rows = connection.execute(
        "SELECT * FROM corrections WHERE cause = ? ORDER BY entry_id", (cause,)
    ).fetchall()
    totals: dict[str, int] = {}
    for row in rows:
        totals[row["currency"]] = totals.get(row["currency"], 0) + row["cents"]
    return {
        "count": len(rows),
        "to_post": [money(cents, currency) for currency, cents in sorted(totals.items())],
        "corrections": [
            {
                "entry_id": row["entry_id"],
                "action": row["action"],
                "amount": money(row["cents"], row["currency"]),
                "note": row["note"],
            }
            for row in rows
        ],
    }


def unresolved(connection: sqlite3.Connection) -> Answer:
    """Return every discrepancy without a match, the oldest first."""
    today = horizon(connection)
    rows = connection.execute(f"{_OPEN} ORDER BY d.day, d.entry_id").fetchall()
    return {
        "as_of": today.isoformat(),
        "count": len(rows),
        "without_correction": sum(row["action"] is None for row in rows),
        "open": [
            {
                "entry_id": row["entry_id"],
                "kind": row["kind"],
                "account": row["account"],
                "amount": money(row["cents"], row["currency"]),
                "found_on": row["day"],
                "business_days_open": business_days(date.fromisoformat(row["day"]), today),
                "correction": row["action"],
            }
            for row in rows
        ],
    }


def _correction(connection: sqlite3.Connection, row: sqlite3.Row) -> Correction:
    cents: int = row["cents"]
    in_bank = row["side"] == "bank"

    def of(action: Action, amount: int = 0) -> Correction:
        return Correction(action, amount, row["currency"])

    match Kind(row["proposed_kind"]):
        case Kind.MISSING_IN_LEDGER:
            return of(Action.POST_LINE, cents)
        case Kind.MISSING_AT_BANK:
            return of(Action.CHASE_PAYMENT)
        case Kind.DOUBLED:
            return of(Action.CLAIM_REFUND) if in_bank else of(Action.REVERSE_LINE, -cents)
        case Kind.WRONG_AMOUNT:
            return of(Action.ADJUST_LINE, cents - _cents_of_line(connection, row["related"]))
        case Kind.WRONG_DATE:
            return of(Action.REDATE_LINE)
        case Kind.REVERSED:
            return of(Action.REOPEN_PAYMENT, cents)


def _cents_of_line(connection: sqlite3.Connection, related: str) -> int:
    line: Any = connection.execute(
        "SELECT cents FROM ledger_lines WHERE id = ?", (related.split()[0],)
    ).fetchone()
    return line["cents"]
