"""What the model gets to read: open items with their context, and the report.

Counterparty and remittance text come from whoever sent the money. They are fenced as
untrusted quotes; everything else here is a number, a day, an id or our own sentence.
"""

import sqlite3
from collections.abc import Sequence
from datetime import date
from typing import Any

import reconciliation_books as books
from reconciliation_classify import Books, due
from reconciliation_entries import (
    BankEntry,
    LedgerLine,
    business_days,
    money,
    party_key,
    quoted,
)
from reconciliation_state import Answer

NEAREST = 3
"""Candidates shown per open item: enough to see why none fits."""

NAME_LIMIT = 70
"""Characters of a counterparty's name: what SEPA allows."""


def open_items(account_books: Books, limit: int) -> list[Answer]:
    """Describe open items of one account: what is overdue first, then the oldest."""
    items: list[BankEntry | LedgerLine] = [*account_books.bank, *account_books.ledger]
    items.sort(key=lambda item: (not due(item, account_books), _day(item), item.id))
    return [_describe(item, account_books) for item in items[:limit]]


def _describe(item: BankEntry | LedgerLine, account_books: Books) -> Answer:
    bank = isinstance(item, BankEntry)
    others: Sequence[BankEntry | LedgerLine] = (
        (*account_books.ledger, *account_books.settled_ledger)
        if bank
        else (*account_books.bank, *account_books.settled_bank)
    )
    ranked = sorted((c for c in others if _likeness(item, c)), key=lambda c: _rank(item, c))
    return {
        "entry_id": item.id,
        "side": "bank" if bank else "ledger",
        "day": _day(item).isoformat(),
        "amount": money(item.cents, item.currency),
        "reference": item.reference,
        "counterparty": quoted(item.counterparty, NAME_LIMIT),
        "text": quoted(item.text),
        "certain": due(item, account_books),
        "nearest": [_compare(item, candidate) for candidate in ranked[:NEAREST]],
    }


def _likeness(item: BankEntry | LedgerLine, other: BankEntry | LedgerLine) -> int:
    """How many of reference, party and amount the two share."""
    return (
        (item.reference != "" and item.reference == other.reference) * 2
        + (party_key(item.counterparty) == party_key(other.counterparty))
        + (item.cents == other.cents)
    )


def _rank(item: BankEntry | LedgerLine, other: BankEntry | LedgerLine) -> tuple[int, int, str]:
    return (
        -_likeness(item, other),
        abs(business_days(_day(item), _day(other))),
        other.id,
    )


def _compare(item: BankEntry | LedgerLine, other: BankEntry | LedgerLine) -> Answer:
    days = business_days(_day(item), _day(other))
    differs: list[str] = []
    if other.reference != item.reference:
        differs.append(f"reference {other.reference or 'none'}")
    if other.cents != item.cents:
        differs.append(f"amount {money(other.cents, other.currency)}")
    if days:
        differs.append(f"{abs(days)} business days {'later' if days > 0 else 'earlier'}")
    if party_key(other.counterparty) != party_key(item.counterparty):
        differs.append("another counterparty")
    return {"entry_id": other.id, "day": _day(other).isoformat(), "differs": differs}


def _day(item: BankEntry | LedgerLine) -> date:
    return item.booked if isinstance(item, BankEntry) else item.posted


def report(connection: sqlite3.Connection, after: date | None) -> Answer:
    """Sum up the business days later than `after`, and the whole so far.

    A discrepancy whose entry has found its match since counts as resolved.
    """
    since = after.isoformat() if after else ""
    until = books.horizon(connection)

    def count(query: str, *values: Any) -> int:
        return connection.execute(f"SELECT count(*) FROM {query}", values).fetchone()[0]

    first = connection.execute(
        "SELECT min(day), count(*), total(entries) FROM statements WHERE day > ?", (since,)
    ).fetchone()
    methods = connection.execute(
        "SELECT method, count(*) FROM matches WHERE day > ? GROUP BY method ORDER BY method",
        (since,),
    )
    return {
        "period": {"from": first[0] or until.isoformat(), "to": until.isoformat()},
        "counts": {
            "statements": first[1],
            "bank_entries": int(first[2]),
            "matches": count("matches WHERE day > ?", since),
            "open_bank_entries": count("bank_entries WHERE match IS NULL"),
            "open_ledger_lines": count("ledger_lines WHERE match IS NULL"),
            "discrepancies": count("discrepancies WHERE day > ?", since),
            "discrepancies_in_all": count("discrepancies"),
        },
        "matched_by_method": {"exact": 0, "tolerance": 0, "split": 0, "merged": 0}
        | {row[0]: row[1] for row in methods},
        "discrepancies": _discrepancies(connection, since),
    }


def _discrepancies(connection: sqlite3.Connection, since: str) -> list[Answer]:
    rows = connection.execute(
        """
        SELECT d.*, b.match AS bank_match, l.match AS ledger_match,
            coalesce(b.account, l.account) AS account,
            coalesce(b.cents, l.cents) AS cents,
            coalesce(b.currency, l.currency) AS currency,
            coalesce(b.counterparty, l.counterparty) AS counterparty,
            coalesce(b.text, l.text) AS text
        FROM discrepancies d
        LEFT JOIN bank_entries b ON b.id = d.entry_id
        LEFT JOIN ledger_lines l ON l.id = d.entry_id
        WHERE d.day > ? ORDER BY d.day, d.entry_id
        """,
        (since,),
    )
    return [
        {
            "entry_id": row["entry_id"],
            "kind": row["kind"],
            "account": row["account"],
            "amount": money(row["cents"], row["currency"]),
            "found_on": row["day"],
            "facts": row["facts"],
            "explanation": row["explanation"],
            "related": row["related"].split(),
            "counterparty": quoted(row["counterparty"], NAME_LIMIT),
            "text": quoted(row["text"]),
            "resolved": (row["bank_match"] or row["ledger_match"]) is not None,
        }
        for row in rows
    ]
