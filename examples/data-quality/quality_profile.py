"""Measures a warehouse: a few SQL aggregates per table, all of one and the same moment.

It only reads. What is measured has a name, `<table>.<column>.<what>`, by which nights are compared
and findings are known for good.
"""

import sqlite3
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from quality_checks import CheckError, Checks, TableChecks

Value = int | float | dict[str, float] | None
"""A number, a mix of values, or None: the mean of nothing."""
MAX_VALUES = 50
"""Values of a column whose mix is looked at; with more it is no category."""


class Profile(BaseModel):
    """A warehouse on one night."""

    night: date
    rows: dict[str, int]
    """All rows of each table."""
    measures: dict[str, Value]
    """By name. Counts are of the whole table; means, mixes and empty values of the newest load."""


def profile(
    path: Path, checks: Checks, heartbeat: Callable[[str], None], night: date | None = None
) -> Profile:
    """Measure every declared table, or none.

    The night is that of the newest load, unless `night` says when that should have come.

    Raises:
        CheckError: no warehouse, table or column of that name, or nothing in it.
    """
    with _reading(path) as connection:
        newest = {table: _newest(connection, table, each) for table, each in checks.tables.items()}
        days = [day for day in newest.values() if day is not None]
        if not days:
            raise CheckError("no table names its column `loaded`: without it there is no night")
        found = Profile(night=night or max(days), rows={}, measures={})
        for table, each in checks.tables.items():
            heartbeat(f"table {table}")
            (found.rows[table],) = _row(connection, f"SELECT count(*) FROM {table}")
            found.measures.update(_whole(connection, table, each))
            day = newest[table]
            if day is not None:
                found.measures[f"{table}.stale_days"] = (found.night - day).days
                found.measures.update(_load(connection, table, each, day))
    return found


def _whole(
    connection: sqlite3.Connection, table: str, checks: TableChecks
) -> Iterator[tuple[str, Value]]:
    if checks.key:
        sql = f"SELECT count({checks.key}) - count(DISTINCT {checks.key}) FROM {table}"
        yield f"{table}.{checks.key}.duplicates", _row(connection, sql)[0]
    for column, (low, high) in checks.ranges.items():
        sql = f"SELECT count(*) FROM {table} WHERE {column} < ? OR {column} > ?"
        yield f"{table}.{column}.out_of_range", _row(connection, sql, low, high)[0]
    for column, reference in checks.references.items():
        other, key = reference.split(".")
        # A NULL among the keys would make every comparison unknown.
        known = f"SELECT {key} FROM {other} WHERE {key} IS NOT NULL"
        sql = f"SELECT count(*) FROM {table} WHERE {column} NOT IN ({known})"
        yield f"{table}.{column}.orphans", _row(connection, sql)[0]


def _load(
    connection: sqlite3.Connection, table: str, checks: TableChecks, day: date
) -> Iterator[tuple[str, Value]]:
    of_day = f"FROM {table} WHERE {checks.loaded} = ?"
    rows: int = _row(connection, f"SELECT count(*) {of_day}", day.isoformat())[0]
    yield f"{table}.rows", rows
    for column in checks.nulls:
        sql = f"SELECT count(*) - count({column}) {of_day}"
        yield f"{table}.{column}.nulls", round(_row(connection, sql, day.isoformat())[0] / rows, 4)
    for column in checks.means:
        mean = _row(connection, f"SELECT avg({column}) {of_day}", day.isoformat())[0]
        yield f"{table}.{column}.mean", None if mean is None else round(float(mean), 4)
    for column in checks.shares:
        sql = f"SELECT {column}, count(*) {of_day} GROUP BY 1 ORDER BY 2 DESC LIMIT {MAX_VALUES}"
        counts = connection.execute(sql, (day.isoformat(),)).fetchall()
        mix = {str(value): round(count / rows, 4) for value, count in counts}
        yield f"{table}.{column}.shares", mix


def _newest(connection: sqlite3.Connection, table: str, checks: TableChecks) -> date | None:
    if checks.loaded is None:
        return None
    (day,) = _row(connection, f"SELECT max({checks.loaded}) FROM {table}")
    if day is None:
        raise CheckError(f"table {table} is empty: load it, then run again")
    return date.fromisoformat(day)


def _row(connection: sqlite3.Connection, sql: str, *values: object) -> tuple[Any, ...]:
    return connection.execute(sql, values).fetchone()


@contextmanager
def _reading(path: Path) -> Generator[sqlite3.Connection]:
    """Read in one transaction: all tables as of the same moment, whoever loads meanwhile."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("BEGIN")
            yield connection
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise
        raise CheckError(f"the warehouse cannot be read: {error}") from error
