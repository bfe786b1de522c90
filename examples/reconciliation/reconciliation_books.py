"""Reads and writes entries, lines, matches and discrepancies; runs inside a transaction.

The rules that keep the books whole live here: statements follow each other without a gap
and carry on the balance, a posted ledger line never changes, a settled entry cannot be
flagged. Imported entries are never deleted or rewritten.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import astuple, fields
from datetime import date
from typing import Any

from reconciliation_classify import Books, Finding, Kind
from reconciliation_entries import BankEntry, LedgerLine, Statement, money
from reconciliation_matching import Match
from reconciliation_state import StateError

_BANK = ", ".join(f.name for f in fields(BankEntry))
_LEDGER = ", ".join(f.name for f in fields(LedgerLine))
_OPEN = "account = ? AND match IS NULL"


def add_statement(
    connection: sqlite3.Connection, statement: Statement, file: str, digest: str
) -> None:
    """Import one statement with its entries.

    Raises:
        StateError: it does not continue the account's last statement, or one of its
            entries is imported already.
    """
    account, currency = statement.account, statement.currency
    last = connection.execute(
        "SELECT sequence, closing_cents FROM statements WHERE account = ? "
        "ORDER BY sequence DESC LIMIT 1",
        (account,),
    ).fetchone()
    if last and statement.sequence != last["sequence"] + 1:
        raise StateError(
            f"{file}: is statement {statement.sequence} of {account}, but {last['sequence'] + 1} "
            "comes next: put the missing statement into the folder"
        )
    if last and statement.opening_cents != last["closing_cents"]:
        raise StateError(
            f"{file}: opens with {money(statement.opening_cents, currency)}, but the statement "
            f"before closed with {money(last['closing_cents'], currency)}: fetch both again"
        )
    connection.execute(
        "INSERT INTO statements (account, sequence, day, file, digest, opening_cents, "
        "closing_cents, entries) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            account,
            statement.sequence,
            statement.day.isoformat(),
            file,
            digest,
            statement.opening_cents,
            statement.closing_cents,
            len(statement.entries),
        ),
    )
    try:
        connection.executemany(
            f"INSERT INTO bank_entries ({_BANK}) VALUES ({_marks(BankEntry)})",
            [_row(entry) for entry in statement.entries],
        )
    except sqlite3.IntegrityError as error:
        raise StateError(
            f"{file}: repeats an AcctSvcrRef that is imported already: fetch the file again"
        ) from error


def add_lines(connection: sqlite3.Connection, lines: Iterable[LedgerLine]) -> int:
    """Import the lines not known yet; return how many were.

    Raises:
        StateError: a known line comes with other values.
    """
    known = {
        row["id"]: _line(row) for row in connection.execute(f"SELECT {_LEDGER} FROM ledger_lines")
    }
    new: list[LedgerLine] = []
    for line in lines:
        if line.id not in known:
            new.append(line)
        elif line != known[line.id]:
            raise StateError(
                f"ledger line {line.id} was changed after its import: undo that and enter a "
                "correcting line"
            )
    connection.executemany(
        f"INSERT INTO ledger_lines ({_LEDGER}) VALUES ({_marks(LedgerLine)})",
        [_row(line) for line in new],
    )
    return len(new)


def open_bank(connection: sqlite3.Connection, account: str) -> tuple[BankEntry, ...]:
    """Return the account's unmatched entries, oldest first."""
    rows = connection.execute(
        f"SELECT {_BANK} FROM bank_entries WHERE {_OPEN} ORDER BY booked, id", (account,)
    )
    return tuple(_entry(row) for row in rows)


def open_ledger(connection: sqlite3.Connection, account: str) -> tuple[LedgerLine, ...]:
    """Return the account's unmatched lines, oldest first."""
    rows = connection.execute(
        f"SELECT {_LEDGER} FROM ledger_lines WHERE {_OPEN} ORDER BY posted, id", (account,)
    )
    return tuple(_line(row) for row in rows)


def unflagged(connection: sqlite3.Connection, account: str) -> Books:
    """Return the account's open items that no recorded discrepancy covers."""
    covered: set[str] = set()
    for row in connection.execute("SELECT entry_id, related FROM discrepancies"):
        covered |= {row["entry_id"], *row["related"].split()}
    bank = tuple(e for e in open_bank(connection, account) if e.id not in covered)
    ledger = tuple(x for x in open_ledger(connection, account) if x.id not in covered)
    references = {item.reference for item in (*bank, *ledger)} - {""}
    settled_bank: list[BankEntry] = []
    settled_ledger: list[LedgerLine] = []
    for reference in sorted(references):
        where = "WHERE account = ? AND reference = ? AND match IS NOT NULL ORDER BY id"
        values = (account, reference)
        settled_bank += map(
            _entry, connection.execute(f"SELECT {_BANK} FROM bank_entries {where}", values)
        )
        settled_ledger += map(
            _line, connection.execute(f"SELECT {_LEDGER} FROM ledger_lines {where}", values)
        )
    return Books(
        bank,
        ledger,
        tuple(settled_bank),
        tuple(settled_ledger),
        bank_complete=accounts(connection)[account],
        ledger_complete=horizon(connection),
    )


def accounts(connection: sqlite3.Connection) -> dict[str, date]:
    """Return each account with the day of its last statement."""
    rows = connection.execute("SELECT account, max(day) AS day FROM statements GROUP BY account")
    return {row["account"]: date.fromisoformat(row["day"]) for row in rows}


def horizon(connection: sqlite3.Connection) -> date:
    """Return the last day whose ledger lines are imported.

    Raises:
        StateError: none is.
    """
    row = connection.execute("SELECT day FROM progress WHERE name = 'ledger'").fetchone()
    if row is None:
        raise StateError("nothing is imported yet: call ledger.import_statements first")
    return date.fromisoformat(row["day"])


def advance(connection: sqlite3.Connection, day: date) -> None:
    """Record that the ledger is imported up to `day`; never goes back."""
    connection.execute(
        "INSERT INTO progress (name, day) VALUES ('ledger', ?) "
        "ON CONFLICT (name) DO UPDATE SET day = excluded.day WHERE excluded.day > day",
        (day.isoformat(),),
    )


def settle(connection: sqlite3.Connection, account: str, found: Match, day: date) -> None:
    """Record a match made on business day `day`."""
    match_id = connection.execute(
        "INSERT INTO matches (account, method, day) VALUES (?, ?, ?)",
        (account, found.method.value, day.isoformat()),
    ).lastrowid
    for table, ids in (("bank_entries", found.bank_ids), ("ledger_lines", found.ledger_ids)):
        connection.executemany(
            f"UPDATE {table} SET match = ? WHERE id = ? AND match IS NULL",
            [(match_id, item) for item in ids],
        )


def flag(
    connection: sqlite3.Connection, finding: Finding, kind: str, explanation: str, day: date
) -> None:
    """Record a discrepancy, or a better explanation of a recorded one.

    The day of the first record stays, so a repeat leaves the row as it is.
    """
    connection.execute(
        "INSERT INTO discrepancies (entry_id, kind, proposed_kind, related, facts, "
        "explanation, day) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (entry_id) "
        "DO UPDATE SET kind = excluded.kind, explanation = excluded.explanation "
        "WHERE (kind, explanation) != (excluded.kind, excluded.explanation)",
        (
            finding.entry_id,
            kind,
            finding.kind.value,
            " ".join(finding.related),
            finding.reason,
            explanation,
            day.isoformat(),
        ),
    )


def recorded(connection: sqlite3.Connection, entry_id: str) -> Finding | None:
    """Return what was found about an entry that is flagged and still open."""
    row = connection.execute(
        "SELECT d.* FROM discrepancies d "
        "LEFT JOIN bank_entries b ON b.id = d.entry_id "
        "LEFT JOIN ledger_lines l ON l.id = d.entry_id "
        "WHERE d.entry_id = ? AND b.match IS NULL AND l.match IS NULL",
        (entry_id,),
    ).fetchone()
    if row is None:
        return None
    kind, related = Kind(row["proposed_kind"]), tuple(row["related"].split())
    return Finding(row["entry_id"], kind, row["facts"], related)


def _marks(model: type[BankEntry] | type[LedgerLine]) -> str:
    return ", ".join("?" for _ in fields(model))


def _row(item: BankEntry | LedgerLine) -> tuple[Any, ...]:
    return tuple(v.isoformat() if isinstance(v, date) else v for v in astuple(item))


def _entry(row: sqlite3.Row) -> BankEntry:
    values = dict(row)
    values["booked"] = date.fromisoformat(values["booked"])
    values["reversal"] = bool(values["reversal"])
    return BankEntry(**values)


def _line(row: sqlite3.Row) -> LedgerLine:
    values = dict(row)
    values["entered"] = date.fromisoformat(values["entered"])
    values["posted"] = date.fromisoformat(values["posted"])
    return LedgerLine(**values)
