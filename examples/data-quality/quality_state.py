"""What a run has measured and filed so far: one SQLite file.

A run's tools may work on several workers and more than once. The first profile of a run stands, so
all its tools speak of the same moment, also after a worker was lost.
"""

import json
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from quality_checks import CallError
from quality_profile import Profile

BUSY_SECONDS = 20.0
"""Wait for another writer; far longer than any change here takes."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS profiles (run_id TEXT PRIMARY KEY, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS filed (
    run_id TEXT NOT NULL, finding TEXT NOT NULL, ticket TEXT NOT NULL,
    PRIMARY KEY (run_id, finding)
);
"""


class RunState:
    """One run's part of the file."""

    def __init__(self, path: Path, run_id: str) -> None:
        self._path = path
        self._run_id = run_id

    def keep(self, profile: Profile) -> Profile:
        """Keep the run's profile, unless it has one; return the one that stands."""
        with self._open() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO profiles VALUES (?, ?)",
                (self._run_id, profile.model_dump_json()),
            )
        return self.profile()

    def profile(self) -> Profile:
        """The run's profile.

        Raises:
            CallError: nothing was measured yet.
        """
        with self._open() as connection:
            row = connection.execute(
                "SELECT document FROM profiles WHERE run_id = ?", (self._run_id,)
            ).fetchone()
        if row is None:
            raise CallError("nothing was measured in this run: call quality.profile first")
        return Profile.model_validate_json(row[0])

    def filed(self, finding: str, ticket: dict[str, Any]) -> None:
        """Note the ticket of a finding."""
        with self._open() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO filed VALUES (?, ?, ?)",
                (self._run_id, finding, json.dumps(ticket)),
            )

    def tickets(self) -> dict[str, dict[str, Any]]:
        """The tickets that this run has filed or found, by finding."""
        with self._open() as connection:
            rows = connection.execute(
                "SELECT finding, ticket FROM filed WHERE run_id = ?", (self._run_id,)
            ).fetchall()
        return {finding: json.loads(ticket) for finding, ticket in rows}

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._path, timeout=BUSY_SECONDS)) as connection, connection:
            connection.executescript(_SCHEMA)
            yield connection
