"""Brings new statements and the ledger lines of the same days into the state.

Business days are imported whole and in order. The caller's mark says where the last run
ended; the state says what is really there, so an outdated mark imports nothing twice and
a statement that arrives late is still taken.
"""

import re
import sqlite3
from collections.abc import Callable
from datetime import date
from hashlib import sha256
from pathlib import Path

import reconciliation_books as books
from reconciliation_camt import StatementError, read_statements
from reconciliation_entries import Statement, money
from reconciliation_ledger import read_ledger
from reconciliation_state import Answer, StateError

_FILE_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})_.+\.xml")


def statement_files(folder: Path) -> list[tuple[date, Path]]:
    """Return the statement files of `folder` with their day, by day and name.

    Raises:
        StateError: no such folder, or no file named `<day>_<anything>.xml` in it.
    """
    if not folder.is_dir():
        raise StateError(f"no folder {folder}: set the input 'statements' to where they are")
    found: list[tuple[date, Path]] = []
    for path in sorted(folder.iterdir()):
        name = _FILE_NAME.fullmatch(path.name)
        if name:
            found.append((date.fromisoformat(name[1]), path))
    if not found:
        raise StateError(f"{folder}: no statement in it is named like 2026-10-01_<account>.xml")
    return found


def import_days(
    connection: sqlite3.Connection,
    *,
    folder: Path,
    ledger: Path,
    after: date | None,
    days: int,
    until: date | None,
    heartbeat: Callable[[str], None],
) -> Answer:
    """Import the next `days` business days later than `after`, none later than `until`.

    Raises:
        StateError, StatementError, LedgerError: see the modules that raise them; the
            caller's transaction must be rolled back.
        OSError: a file cannot be read.
    """
    files = statement_files(folder)
    ahead = sorted({day for day, _ in files if after is None or day > after})
    chosen = [day for day in ahead if until is None or day <= until][:days]
    answer: Answer = {
        "after": after.isoformat() if after else None,
        "last_statement": after.isoformat() if after else None,
        "imported": 0,
        "already_imported": 0,
        "new_entries": 0,
        "new_ledger_lines": 0,
        "days_left": len(ahead) - len(chosen),
        "statements": [],
    }
    if not chosen:
        return answer
    last = chosen[-1]
    for day, path in files:
        if day > last:
            continue
        heartbeat(f"statement {path.name}")
        statements = _import_file(connection, path, day)
        if day in chosen and not statements:
            answer["already_imported"] += 1
        for statement in statements:
            answer["imported"] += 1
            answer["new_entries"] += len(statement.entries)
            answer["statements"].append(_summary(statement))
    answer["new_ledger_lines"] = books.add_lines(connection, read_ledger(ledger, last))
    books.advance(connection, last)
    answer["last_statement"] = last.isoformat()
    return answer


def _import_file(connection: sqlite3.Connection, path: Path, day: date) -> tuple[Statement, ...]:
    digest = sha256(path.read_bytes()).hexdigest()
    known = connection.execute(
        "SELECT digest FROM statements WHERE file = ? LIMIT 1", (path.name,)
    ).fetchone()
    if known:
        if known["digest"] != digest:
            raise StateError(f"{path.name}: was changed after its import: restore the bank's file")
        return ()
    statements = read_statements(path)
    for statement in statements:
        if statement.day != day:
            raise StatementError(
                f"{path.name}: closes on {statement.day}: name the file after that day"
            )
        books.add_statement(connection, statement, path.name, digest)
    return statements


def _summary(statement: Statement) -> Answer:
    return {
        "account": statement.account,
        "sequence": statement.sequence,
        "day": statement.day.isoformat(),
        "entries": len(statement.entries),
        "opening": money(statement.opening_cents, statement.currency),
        "closing": money(statement.closing_cents, statement.currency),
    }
