"""`sql.query` on SQLite: it reads what it is asked for, and leaves no way to change anything."""

import sqlite3
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from activities.tools.sql import query
from rota.failures import FailureCategory, StepError
from rota.tools import ToolContext, ToolError
from tests.activities.tools.calling import call, context


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """A fleet with a database of three bookings."""
    (tmp_path / "data").mkdir()
    with sqlite3.connect(tmp_path / "data" / "books.db") as books:
        books.execute("CREATE TABLE booking (id INTEGER PRIMARY KEY, text TEXT, amount NUMERIC)")
        books.executemany(
            "INSERT INTO booking (text, amount) VALUES (?, ?)",
            [("rent", 900), ("lunch: 12:30", 14.5), ("nothing", None)],
        )
    books.close()
    return tmp_path


def books(fleet: Path, **limits: Any) -> ToolContext:
    """The context of a fleet that declares them."""
    return context(fleet, databases={"books": {"url": "sqlite:///data/books.db", **limits}})


async def ask(
    fleet: Path, statement: str, limits: dict[str, Any] | None = None, **given: Any
) -> Any:
    """Run one query on the books."""
    at = books(fleet, **(limits or {}))
    return await call(query, at, database="books", query=statement, parameters=given)


def files(fleet: Path) -> list[str]:
    """Every database file of the fleet."""
    return [path.name for path in fleet.rglob("*.db*")]


async def test_query_reads_rows_with_bound_values(fleet: Path) -> None:
    """Values travel apart from the statement, so no text of theirs can become part of it."""
    text = "SELECT id, text, amount FROM booking WHERE text = :text"
    assert await ask(fleet, text, text="lunch: 12:30") == {
        "columns": ["id", "text", "amount"],
        "rows": [[2, "lunch: 12:30", 14.5]],
        "truncated": False,
    }
    assert (await ask(fleet, text, text="' OR 1=1 --"))["rows"] == []


async def test_query_tells_which_tables_there_are(fleet: Path) -> None:
    """A model finds its way by the database's own means."""
    found = await ask(fleet, "SELECT name FROM sqlite_master")
    assert found["rows"] == [["booking"]]
    found = await ask(fleet, "PRAGMA table_info(booking)")
    assert [row[1] for row in found["rows"]] == ["id", "text", "amount"]


@pytest.mark.parametrize(("most", "truncated"), [(2, True), (3, False)])
async def test_query_with_more_rows_than_allowed_says_so(
    fleet: Path, most: int, truncated: bool
) -> None:
    """The limit itself is not more."""
    found = await ask(fleet, "SELECT id FROM booking", {"max_rows": most})
    assert found["rows"] == [[1], [2], [3]][:most]
    assert found["truncated"] is truncated


async def test_query_with_very_large_values_is_cut(fleet: Path) -> None:
    """A few rows may be as large as many."""
    found = await ask(fleet, "SELECT hex(zeroblob(50000)) FROM booking")
    assert found["rows"][0][0].endswith("… (100,000 characters)")
    wide = ", ".join(["hex(zeroblob(10000))"] * 12)
    found = await ask(fleet, f"SELECT {wide} FROM booking")
    assert (len(found["rows"]), found["truncated"]) == (0, True)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x'00ff'", "00ff"),
        ("9007199254740993", 9007199254740993),
        ("1e999", "inf"),
        ("NULL", None),
        ("'ü'", "ü"),
    ],
)
async def test_query_shows_each_type_as_json(fleet: Path, value: str, shown: Any) -> None:
    """What JSON has no form for becomes text; nothing is lost silently."""
    assert (await ask(fleet, f"SELECT {value}"))["rows"] == [[shown]]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO booking (text) VALUES ('x')",
        "INSERT INTO booking (text) VALUES ('x') RETURNING id",
        "UPDATE booking SET text = 'x' RETURNING id",
        "DELETE FROM booking",
        "WITH gone AS (SELECT 1) DELETE FROM booking",
        "REPLACE INTO booking (id) VALUES (1)",
        "DROP TABLE booking",
        "CREATE TABLE other (id)",
        "CREATE TEMP TABLE other (id)",
        "CREATE TEMP TRIGGER t AFTER INSERT ON booking BEGIN SELECT 1; END",
        "ALTER TABLE booking RENAME TO other",
        "ATTACH DATABASE 'other.db' AS other",
        "ATTACH DATABASE 'file:other.db?mode=rwc' AS other",
        "DETACH DATABASE main",
        "VACUUM",
        "VACUUM INTO 'other.db'",
        "REINDEX",
        "ANALYZE",
        "BEGIN EXCLUSIVE",
        "COMMIT",
        "SAVEPOINT s",
        "PRAGMA query_only = OFF",
        "PRAGMA writable_schema = ON",
        "PRAGMA journal_mode = WAL",
        "PRAGMA user_version = 7",
        "SELECT load_extension('evil')",
        "SELECT 'a' REGEXP 'a'",
        "SELECT 1; DELETE FROM booking",
        "SELECT 1; SELECT 2",
        "/* SELECT */ DELETE FROM booking",
        "",
        "SELECT * FROM nowhere",
        "SELECT :missing",
    ],
)
async def test_statement_that_is_no_single_query_is_refused_and_changes_nothing(
    fleet: Path, statement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the database nor any other file is touched; the model reads why."""
    monkeypatch.chdir(fleet)
    file = fleet / "data" / "books.db"
    before = file.read_bytes()
    with pytest.raises(ToolError) as refused:
        await ask(fleet, statement)
    assert str(refused.value)
    assert file.read_bytes() == before
    assert files(fleet) == ["books.db"]


async def test_statement_that_would_change_something_is_told_what_may_be_run(fleet: Path) -> None:
    """SQLite's own word for it, `not authorized`, would send a model looking for a password."""
    with pytest.raises(ToolError, match="only a SELECT that changes nothing can be run"):
        await ask(fleet, "DELETE FROM booking")


async def test_query_without_end_is_interrupted(fleet: Path) -> None:
    """The limit ends the query itself, not only the waiting for it."""
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n"
    with pytest.raises(ToolError, match="no answer within 200ms; narrow the query"):
        await ask(fleet, endless, {"timeout": "200ms"})


async def test_query_with_a_pattern_that_takes_for_ever_is_refused(fleet: Path) -> None:
    """Matching it is one step of SQLite's, which nothing can interrupt."""
    text, pattern = "replace(hex(zeroblob(2000000)), '0', 'a')", "a" * 3000
    with pytest.raises(ToolError, match="pattern too complex"):
        await ask(fleet, f"SELECT {text} LIKE '%{pattern}b'", {"timeout": "200ms"})


async def test_query_with_many_large_values_holds_few_of_them(fleet: Path) -> None:
    """What would be left out of the answer anyway is not read first."""
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300)"
    tracemalloc.start()
    try:
        found = await ask(fleet, f"{many} SELECT zeroblob(1000000) FROM n", {"max_rows": 300})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found["truncated"] is True
    assert peak < 50_000_000


async def test_query_that_makes_huge_values_fails(fleet: Path) -> None:
    """A value of gigabytes is refused by SQLite itself, before it is made."""
    with pytest.raises(ToolError, match="too big"):
        await ask(fleet, "SELECT length(hex(zeroblob(900000000)))")


async def test_database_nobody_declared_is_named_with_those_there_are(fleet: Path) -> None:
    """A model that mistakes a name learns the right one."""
    with pytest.raises(ToolError, match="no database 'bank'; there is: books"):
        await call(query, books(fleet), database="bank", query="SELECT 1")


@pytest.mark.parametrize(
    ("url", "secret", "category", "words"),
    [
        ("sqlite:///gone.db", "", FailureCategory.INVALID_REQUEST, "there is no file gone.db"),
        ("env:BOOKS", "mysql://me:hush@host/db", FailureCategory.INVALID_REQUEST, "'mysql' is"),
        ("env:BOOKS", "no url: hush", FailureCategory.INVALID_REQUEST, "holds no URL"),
        ("env:BOOKS", "postgres://me:p@a:hush@h/d", FailureCategory.INVALID_REQUEST, "holds no"),
        ("env:BOOKS", "", FailureCategory.AUTH, "secret env:BOOKS"),
    ],
)
async def test_database_that_is_declared_wrongly_fails_by_its_key(
    fleet: Path, url: str, secret: str, category: FailureCategory, words: str
) -> None:
    """A model cannot mend it, so the run fails and says what to mend; no secret is shown."""
    secrets = {"env:BOOKS": secret} if secret else {}
    at = context(fleet, secrets=secrets, databases={"books": {"url": url}})
    with pytest.raises(StepError, match=words) as failed:
        await call(query, at, database="books", query="SELECT 1")
    assert failed.value.category is category
    assert "databases.books.url" in str(failed.value)
    assert "hush" not in str(failed.value)
