"""Runs one query where it can change nothing, for a limited time, for a limited result.

Each query has a connection of its own, which is closed after it: whatever it set on the way
is gone. What a statement may be is left to the database itself, never to a parser of ours.
What remains: a function with effects outside of transactions can be called, if the role
may. Give the role that this connects with nothing but SELECT.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from typing import Any

from pydantic import JsonValue
from sqlalchemy import Connection, CursorResult, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError, StatementError

from activities.secrets import Secrets
from activities.tools.sql_postgres import PostgresDatabase
from activities.tools.sql_source import Source, misdeclared
from activities.tools.sql_sqlite import SqliteDatabase
from activities.tools.sql_values import as_json
from rota.connections import DatabaseConnection
from rota.failures import FailureCategory, StepError
from rota.language.durations import format_duration
from rota.tools import ToolContext, ToolError

MAX_ANSWER = 200_000
"""Characters of all rows together. What goes beyond is left out like rows beyond their
number."""
FETCHED = 20
"""Rows read at a time: values may be large, and what goes beyond is not needed."""
_CANCELLED = "57014"
"""SQLSTATE of a query that the server ended, for its time or because it was asked to."""


def read_rows(
    context: ToolContext,
    name: str,
    connection: DatabaseConnection,
    query: str,
    parameters: dict[str, JsonValue],
) -> dict[str, Any]:
    """Run `query` on the database called `name`: its columns, its rows, whether there were more.

    Raises:
        ToolError: the query is wrong, tries to change something, or takes too long.
        StepError: `auth`, `transient` or `invalid_request`: the database cannot be used.
    """
    source = _source(context, name, connection)
    seconds = connection.timeout.total_seconds()
    engine = source.engine()
    try:
        opened = engine.connect()
    except DBAPIError as error:
        raise source.unreachable(_words(error)) from None
    try:
        # Interrupted from another thread, which is gone before the connection is.
        with _interrupting(source, opened, seconds) as is_late:
            try:
                source.restrict(opened, seconds)
                return _rows(opened, query, parameters, connection.max_rows)
            except SQLAlchemyError as error:
                raise _failure(source, connection, error, late=is_late()) from None
    finally:
        # Not rolled back and used again: whatever the query set in it goes with it.
        opened.invalidate()
        opened.close()


def _source(context: ToolContext, name: str, connection: DatabaseConnection) -> Source:
    given = connection.url
    try:
        url = make_url(given if given.startswith("sqlite:") else context.secrets(given))
    except LookupError as error:
        raise StepError(FailureCategory.AUTH, f"databases.{name}.url: {error}") from error
    except (ArgumentError, ValueError):
        # Without its text and cause: the secret may be in it. The second is a port that is
        # no number, such as the rest of a password with an @ in it.
        raise misdeclared(name, "the secret holds no URL of a database") from None
    backend = url.get_backend_name()
    if backend == "sqlite":
        return SqliteDatabase(name, context.fleet / (url.database or ""))
    if backend in ("postgresql", "postgres"):
        return PostgresDatabase(name, url)
    raise misdeclared(name, f"'{backend}' is neither postgresql nor sqlite")


@contextmanager
def _interrupting(
    source: Source, opened: Connection, seconds: float
) -> Generator[Callable[[], bool]]:
    """End what runs on the connection after so many seconds; tells whether that was done."""
    driver = opened.connection.driver_connection
    over = threading.Event()
    late = threading.Event()

    def watch() -> None:
        if not over.wait(seconds):
            late.set()
            # Again and again: the first may have come before the query began.
            while not over.wait(0.1):
                source.interrupt(driver)

    watching = threading.Thread(target=watch, name="sql limit", daemon=True)
    watching.start()
    try:
        yield late.is_set
    finally:
        over.set()
        watching.join()


def _rows(
    opened: Connection, query: str, parameters: dict[str, JsonValue], most: int
) -> dict[str, Any]:
    # On PostgreSQL a cursor on the server: the rows beyond are never sent.
    options = {"stream_results": True, "yield_per": FETCHED}
    result: CursorResult[Any] = opened.execute(text(query), parameters, execution_options=options)
    with closing(result):
        if not result.returns_rows:
            raise ToolError("the statement returns no rows; only a SELECT can be run")
        rows: list[list[Any]] = []
        room, truncated = MAX_ANSWER, False
        for row in result:
            plain = [as_json(value) for value in row]
            room -= len(json.dumps(plain, ensure_ascii=False))
            truncated = room < 0 or len(rows) == most
            if truncated:
                break
            rows.append(plain)
        return {"columns": list(result.keys()), "rows": rows, "truncated": truncated}


def _failure(
    source: Source, connection: DatabaseConnection, error: SQLAlchemyError, *, late: bool
) -> Exception:
    """Tell what a model can mend from a server that is gone."""
    if isinstance(error, DBAPIError):
        if late or getattr(error.orig, "sqlstate", None) == _CANCELLED:
            limit = format_duration(connection.timeout)
            return ToolError(f"no answer within {limit}; narrow the query")
        if error.connection_invalidated:
            return source.unreachable(_words(error))
        if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_AUTH:
            return ToolError(f"{_words(error)}: only a SELECT that changes nothing can be run")
    elif isinstance(error, StatementError):
        hint = r"a colon before a word is a parameter; inside a text write it as \:"
        return ToolError(f"{_words(error)}; {hint}")
    return ToolError(_words(error))


def _words(error: SQLAlchemyError) -> str:
    """Return what the database said, without SQLAlchemy's frame around it."""
    said = str(error.orig) if isinstance(error, StatementError) and error.orig else str(error)
    words = " ".join(said.split("(Background on this error")[0].split())
    return Secrets().shortened(words, 1000)
