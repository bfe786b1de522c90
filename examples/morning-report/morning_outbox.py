"""Which mails went out, which may have, by idempotency key: one SQLite file.

SMTP has no key of its own, so this file is what makes a mail go out once: a key is taken
before the server hears of the mail, and given back only when the server has clearly
refused. A key that was taken and neither used nor given back belongs to a mail of which
nobody knows: to a process that died at the wrong moment, or to one still at work.
"""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

BUSY_SECONDS = 20.0
"""Wait for another writer; a change here takes milliseconds."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS mails (
    key TEXT PRIMARY KEY,
    message_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('sending', 'sent'))
)
"""


class UnknownOutcomeError(Exception):
    """The mail may have gone out, and may not have."""


class Outbox:
    """The mails of one fleet."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def take(self, key: str, message_id: str) -> bool:
        """Claim `key` for a mail; return False if it has been sent already.

        Concurrency: of any number of callers one gets True, by the table's primary key.

        Raises:
            UnknownOutcomeError: the key was taken before, and what came of it is not known.
        """
        with self._changing() as connection:
            taken = connection.execute(
                "INSERT INTO mails (key, message_id, state) VALUES (?, ?, 'sending') "
                "ON CONFLICT (key) DO NOTHING",
                (key, message_id),
            )
            if taken.rowcount:
                return True
            (state,) = connection.execute(
                "SELECT state FROM mails WHERE key = ?", (key,)
            ).fetchone()
        if state == "sent":
            return False
        raise UnknownOutcomeError(
            f"{message_id} was being sent before and nobody saw the end of it: look for it at the "
            f"recipient's, then tell {self._path.name} (the README says how)"
        )

    def sent(self, key: str) -> None:
        """The server has accepted the mail: it will not go out again."""
        with self._changing() as connection:
            connection.execute("UPDATE mails SET state = 'sent' WHERE key = ?", (key,))

    def give_back(self, key: str) -> None:
        """The server has clearly not taken the mail: another attempt may send it."""
        with self._changing() as connection:
            connection.execute("DELETE FROM mails WHERE key = ? AND state = 'sending'", (key,))

    @contextmanager
    def _changing(self) -> Generator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS)
        try:
            connection.execute(_SCHEMA)
            with connection:
                yield connection
        finally:
            connection.close()
