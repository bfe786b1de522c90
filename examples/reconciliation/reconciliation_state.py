"""What has been imported, matched and flagged so far: one SQLite file.

Every change is one transaction together with its answer, kept under the call's
idempotency key. A worker killed before the commit leaves nothing; one killed after it
finds the answer when the call is repeated. The constraints below hold the rest: an entry
is imported once, matched once and flagged once, whatever the key.
"""

import json
import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BUSY_SECONDS = 20.0
"""Wait for another writer; far longer than any change here takes."""

LOCK = "general-ledger"
"""What whoever writes here holds; `locks` in the agents' declarations."""

VERSION = 2
"""Of the tables below, as `user_version` says; an older file gets what is new."""

_SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS statements (
    account TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    day TEXT NOT NULL,
    file TEXT NOT NULL,
    digest TEXT NOT NULL,
    opening_cents INTEGER NOT NULL,
    closing_cents INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    PRIMARY KEY (account, sequence)
);
CREATE TABLE IF NOT EXISTS bank_entries (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    booked TEXT NOT NULL,
    cents INTEGER NOT NULL,
    currency TEXT NOT NULL,
    reference TEXT NOT NULL,
    counterparty TEXT NOT NULL,
    text TEXT NOT NULL,
    reversal INTEGER NOT NULL,
    payments INTEGER NOT NULL,
    original_cents INTEGER,
    original_currency TEXT NOT NULL,
    match INTEGER REFERENCES matches (id)
);
CREATE TABLE IF NOT EXISTS ledger_lines (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    entered TEXT NOT NULL,
    posted TEXT NOT NULL,
    cents INTEGER NOT NULL,
    currency TEXT NOT NULL,
    reference TEXT NOT NULL,
    counterparty TEXT NOT NULL,
    text TEXT NOT NULL,
    document_cents INTEGER,
    document_currency TEXT NOT NULL,
    match INTEGER REFERENCES matches (id)
);
CREATE TABLE IF NOT EXISTS matches (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    method TEXT NOT NULL,
    day TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS discrepancies (
    entry_id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    proposed_kind TEXT NOT NULL,
    related TEXT NOT NULL,
    facts TEXT NOT NULL,
    explanation TEXT NOT NULL,
    day TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS corrections (
    entry_id TEXT PRIMARY KEY REFERENCES discrepancies (entry_id),
    action TEXT NOT NULL,
    cents INTEGER NOT NULL,
    currency TEXT NOT NULL,
    note TEXT NOT NULL,
    cause TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS fences (
    lock TEXT PRIMARY KEY,
    number INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS progress (
    name TEXT PRIMARY KEY,
    day TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS calls (
    key TEXT NOT NULL,
    tool TEXT NOT NULL,
    answer TEXT NOT NULL,
    PRIMARY KEY (key, tool)
);
CREATE INDEX IF NOT EXISTS open_bank ON bank_entries (account) WHERE match IS NULL;
CREATE INDEX IF NOT EXISTS open_ledger ON ledger_lines (account) WHERE match IS NULL;
CREATE INDEX IF NOT EXISTS bank_reference ON bank_entries (account, reference);
CREATE INDEX IF NOT EXISTS ledger_reference ON ledger_lines (account, reference);
PRAGMA user_version = 2;
COMMIT;
"""

Answer = dict[str, Any]
"""What a tool returns: plain JSON."""


class StateError(ValueError):
    """A change the state refuses, or a state that is not there; says what to do."""


def change(
    path: Path,
    key: str,
    tool: str,
    act: Callable[[sqlite3.Connection], Answer],
    *,
    fence: int = 0,
) -> Answer:
    """Run `act` in one transaction, once per `key` and `tool`.

    Idempotency: once a call has changed something, another with the same key changes
    nothing and returns the first answer. If `act` raises, or finds nothing to change,
    nothing of the call remains and the key is free.

    Args:
        path: The state file, made if there is none.
        key: The call's idempotency key.
        tool: Its name.
        act: What to do; returns the answer.
        fence: Number of the caller's lease of `LOCK`; 0 for a caller without one.

    Raises:
        StateError: a later holder of the lock has written already.
        sqlite3.OperationalError: another writer held the file for `BUSY_SECONDS`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _connected(path) as connection, _transaction(connection, "IMMEDIATE"):
        known = connection.execute(
            "SELECT answer FROM calls WHERE key = ? AND tool = ?", (key, tool)
        ).fetchone()
        if known:
            return json.loads(known["answer"])
        _fence_off(connection, fence)
        before = connection.total_changes
        answer = act(connection)
        if connection.total_changes == before:
            return answer
        connection.execute(
            "INSERT INTO calls (key, tool, answer) VALUES (?, ?, ?)",
            (key, tool, json.dumps(answer)),
        )
        return answer


def look(path: Path, act: Callable[[sqlite3.Connection], Answer]) -> Answer:
    """Run `act` on one consistent view of the state and change nothing.

    Raises:
        StateError: nothing has been imported yet.
    """
    if not path.exists():
        raise StateError("nothing is imported yet: call ledger.import_statements first")
    with _connected(path) as connection, _transaction(connection, "DEFERRED"):
        connection.execute("PRAGMA query_only = ON")
        return act(connection)


def _fence_off(connection: sqlite3.Connection, fence: int) -> None:
    """Refuse who has lost the lock without knowing it, and remember the newest holder."""
    row = connection.execute("SELECT number FROM fences WHERE lock = ?", (LOCK,)).fetchone()
    newest = row["number"] if row else 0
    if fence < newest:
        raise StateError(
            f"the lock {LOCK} has passed on: this run holds number {fence} and {newest} has "
            "written since; end this run and start it again"
        )
    if fence > newest:
        connection.execute(
            "INSERT INTO fences (lock, number) VALUES (?, ?) "
            "ON CONFLICT (lock) DO UPDATE SET number = excluded.number",
            (LOCK, fence),
        )


@contextmanager
def _connected(path: Path) -> Generator[sqlite3.Connection]:
    # Autocommit: transactions begin and end where the code says so, not where the driver thinks.
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        if connection.execute("PRAGMA user_version").fetchone()[0] < VERSION:
            connection.executescript(_SCHEMA)
        yield connection
    finally:
        connection.close()


@contextmanager
def _transaction(connection: sqlite3.Connection, mode: str) -> Generator[None]:
    connection.execute(f"BEGIN {mode}")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
