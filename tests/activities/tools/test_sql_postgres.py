"""`sql.query` on a real PostgreSQL: as its owner, who may do everything, it can change nothing."""

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from activities.tools.sql import query
from rota.failures import FailureCategory, StepError
from rota.tools import ToolError
from tests.activities.tools.calling import call, context
from tests.fakes.postgres import postgres_server


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The URL of a database with three bookings."""
    with postgres_server() as url:
        with psycopg.connect(url) as owner:
            owner.execute("CREATE TABLE booking (id serial PRIMARY KEY, day date, amount numeric)")
            owner.execute(
                "INSERT INTO booking (day, amount) SELECT '2026-11-23', n / 3.0 FROM "
                "generate_series(1, 3) AS n"
            )
            owner.execute("CREATE SEQUENCE counter")
        yield url


async def ask(url: str, text: str, limits: dict[str, Any] | None = None, **given: Any) -> Any:
    """Run one query."""
    block = {"url": "env:WAREHOUSE", **(limits or {})}
    at = context(secrets={"env:WAREHOUSE": url}, databases={"warehouse": block})
    return await call(query, at, database="warehouse", query=text, parameters=given)


def state(url: str) -> list[tuple[Any, ...]]:
    """All that a statement of these tests could have changed."""
    with psycopg.connect(url) as owner:
        tables = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        return [
            *owner.execute("SELECT id, day, amount FROM booking ORDER BY id").fetchall(),
            *owner.execute(f"{tables} ORDER BY 1").fetchall(),
            *owner.execute("SELECT last_value, is_called FROM counter").fetchall(),
            *owner.execute("SELECT count(*) FROM pg_largeobject_metadata").fetchall(),
        ]


async def test_query_reads_rows_with_bound_values(url: str) -> None:
    """Dates and decimals come as exact text; a semicolon at the end is none too many."""
    text = "SELECT id, day, round(amount, 2) AS amount FROM booking WHERE id = :id;"
    assert await ask(url, text, id=1) == {
        "columns": ["id", "day", "amount"],
        "rows": [[1, "2026-11-23", "0.33"]],
        "truncated": False,
    }


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("'100%' LIKE '%0\\%'", True),
        ("'12:30'::time", "12:30:00"),
        ("'a' || '%s' || '%(x)s' || '$1'", "a%s%(x)s$1"),
        (r"""'{"a"\:1}'::jsonb -> 'a'""", 1),
        ("array_length((ARRAY[1,2,3,4])[2\\:3], 1)", 2),
    ],
)
async def test_signs_that_drivers_know_stay_what_they_are(url: str, value: str, shown: Any) -> None:
    """Per cent, colons and dollars of a statement are the statement's own."""
    assert (await ask(url, f"SELECT {value}"))["rows"] == [[shown]]


async def test_colon_that_is_taken_for_a_parameter_is_explained(url: str) -> None:
    """The model learns how to write it."""
    with pytest.raises(ToolError, match=r"parameter '1'.*; a colon before .* write it as \\:"):
        await ask(url, """SELECT '{"a":1}'::jsonb""")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("ARRAY[1.5, 2]", ["1.5", "2"]),
        ("""'{"a": [1, null]}'::jsonb""", {"a": [1, None]}),
        (r"'\x00ff'::bytea", "00ff"),
        ("'NaN'::float8", "nan"),
        ("'2026-11-23 10:00+01'::timestamptz AT TIME ZONE 'UTC'", "2026-11-23T09:00:00"),
        ("'00000000-0000-0000-0000-000000000001'::uuid", "00000000-0000-0000-0000-000000000001"),
        ("interval '1 day 2 hours'", "1 day, 2:00:00"),
    ],
)
async def test_query_shows_each_type_as_json(url: str, value: str, shown: Any) -> None:
    """What JSON has no form for becomes text."""
    assert (await ask(url, f"SELECT {value}"))["rows"] == [[shown]]


async def test_query_with_more_rows_than_allowed_says_so(url: str) -> None:
    """The rows beyond stay on the server: a billion of them cost nothing."""
    text = "SELECT generate_series(1, 1000000000)"
    found = await ask(url, text, {"max_rows": 3})
    assert (found["rows"], found["truncated"]) == ([[1], [2], [3]], True)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO booking (amount) VALUES (1) RETURNING id",
        "UPDATE booking SET amount = 0",
        "DELETE FROM booking",
        "WITH gone AS (DELETE FROM booking RETURNING id) SELECT * FROM gone",
        "TRUNCATE booking",
        "DROP TABLE booking",
        "CREATE TABLE other (id int)",
        "SELECT 1 AS id INTO other",
        "SELECT nextval('counter')",
        "SELECT setval('counter', 9)",
        "SELECT lo_create(0)",
        "SELECT * FROM booking FOR UPDATE",
        "SELECT 1; DELETE FROM booking",
        "SELECT 1; COMMIT; DELETE FROM booking",
        "COMMIT",
        "ROLLBACK",
        "SET TRANSACTION READ WRITE",
        "SET default_transaction_read_only = off",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "SELECT set_config('transaction_read_only', 'off', true), nextval('counter')",
        "COPY booking TO PROGRAM 'cat'",
        "COPY booking FROM '/etc/passwd'",
        "DO $$ BEGIN DELETE FROM booking; END $$",
        "CALL nothing()",
        "EXPLAIN ANALYZE DELETE FROM booking",
        "VACUUM",
        "LISTEN x",
        "",
        "SELECT * FROM nowhere",
        "SELECT :missing",
    ],
)
async def test_statement_that_is_no_single_query_is_refused_and_changes_nothing(
    url: str, statement: str
) -> None:
    """Nothing that a statement says makes the transaction another than one that reads."""
    before = state(url)
    with pytest.raises(ToolError) as refused:
        await ask(url, statement)
    assert str(refused.value)
    assert state(url) == before


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT pg_sleep(60)",
        "SELECT set_config('statement_timeout', '0', false), pg_sleep(60)",
        "SELECT sum(n) FROM generate_series(1, 100000000000) AS n",
    ],
)
async def test_query_that_takes_too_long_ends_on_the_server(url: str, statement: str) -> None:
    """The limit ends the query itself, even where the query has lifted the server's own."""
    with pytest.raises(ToolError, match="no answer within 300ms; narrow the query"):
        await ask(url, statement, {"timeout": "300ms"})
    # Each look a transaction of its own, or it would see the same again and again.
    with psycopg.connect(url, autocommit=True) as owner:
        text = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'rota'"
        for _ in range(100):
            if owner.execute(text).fetchone() == (0,):
                break
            threading.Event().wait(0.05)
        else:
            pytest.fail("the query still runs")


@pytest.mark.parametrize(
    ("change", "category", "words"),
    [
        (("/postgres?", "/nowhere?"), FailureCategory.INVALID_REQUEST, "does not exist; check"),
        (("?host=/tmp/", "?host=/nowhere/"), FailureCategory.TRANSIENT, "connection"),
    ],
)
async def test_server_that_cannot_be_used_is_classified(
    url: str, change: tuple[str, str], category: FailureCategory, words: str
) -> None:
    """What waiting may cure is tried again; what it cannot, names the setting."""
    with pytest.raises(StepError, match=words) as failed:
        await ask(url.replace(*change), "SELECT 1")
    assert failed.value.category is category
    assert "database warehouse" in str(failed.value)
