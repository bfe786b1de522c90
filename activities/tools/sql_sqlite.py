"""SQLite, opened so that nothing can be written: by the file's mode, a pragma and a judge.

Each of the three alone would do for most statements; together they leave no way that is
known to create, change or attach a file.
"""

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import NullPool

from activities.tools.sql_source import misdeclared
from rota.failures import FailureCategory, StepError

MAX_VALUE = 10_000_000
"""Bytes one value may have: functions that make large ones fail instead."""
MAX_PATTERN = 500
"""Bytes a pattern of LIKE or GLOB may have. Matching one is a single step, which nothing can
interrupt: its time is the pattern's length times the value's."""

_READING = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
)
_TELLING_PRAGMAS = frozenset(
    {"table_info", "table_xinfo", "table_list", "index_list", "index_info", "foreign_key_list"}
)
"""All of them only tell what there is."""
_FORBIDDEN_FUNCTIONS = frozenset({"load_extension", "regexp"})
"""SQLAlchemy's `regexp` is Python's, whose worst patterns would hold the whole worker."""


class SqliteDatabase:
    """A database file.

    Args:
        name: As `fleet.yaml` calls it.
        path: Of the file.
    """

    def __init__(self, name: str, path: Path) -> None:
        self._name = name
        self._path = path

    def engine(self) -> Engine:
        """Return what opens the file.

        Raises:
            StepError: `invalid_request`: there is no such file.
        """
        if not self._path.is_file():
            raise misdeclared(self._name, f"there is no file {self._path.name}")
        return create_engine("sqlite://", creator=self._open, poolclass=NullPool)

    def _open(self) -> sqlite3.Connection:
        address = f"file:{quote(str(self._path.resolve()))}?mode=ro"
        # Closed by the thread that made it; interrupted by another, which SQLite allows.
        return sqlite3.connect(address, uri=True, check_same_thread=False, timeout=5.0)

    def restrict(self, connection: Connection, seconds: float) -> None:
        """Let nothing through that is not reading. The time is kept by `interrupt` alone."""
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.execute("PRAGMA query_only = ON").close()
        driver.execute("PRAGMA trusted_schema = OFF").close()
        driver.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE)
        driver.setlimit(sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, MAX_PATTERN)
        driver.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        driver.set_authorizer(_judge)

    def interrupt(self, driver: Any) -> None:
        """End the query; nothing happens if it has ended already."""
        # Closed in the same moment.
        with suppress(sqlite3.ProgrammingError):
            driver.interrupt()

    def unreachable(self, words: str) -> StepError:
        """A file that is there and cannot be opened, or is locked by a writer."""
        return StepError(FailureCategory.TRANSIENT, f"database {self._name}: {words}")


def _judge(
    action: int, first: str | None, second: str | None, database: str | None, trigger: str | None
) -> int:
    if action == sqlite3.SQLITE_FUNCTION:
        return sqlite3.SQLITE_DENY if second in _FORBIDDEN_FUNCTIONS else sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_PRAGMA:
        return sqlite3.SQLITE_OK if first in _TELLING_PRAGMAS else sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY
