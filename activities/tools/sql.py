"""`sql.query`: read a declared database, and change nothing in it.

What a model sees is here; what connects is loaded with the first query, since the libraries
for it take longer to import than the rest of a worker.
"""

import importlib
from typing import Annotated, Any, Protocol, cast

from pydantic import Field, JsonValue

from rota.connections import DatabaseConnection
from rota.tools import Effect, ToolContext, ToolError, tool

READER = "activities.tools.sql_reading"


class _Reading(Protocol):
    """What that module holds."""

    def read_rows(
        self,
        context: ToolContext,
        name: str,
        connection: DatabaseConnection,
        query: str,
        parameters: dict[str, JsonValue],
    ) -> dict[str, Any]: ...


@tool(
    name="sql.query",
    effect=Effect.READ,
    timeout="3m",
    connection="databases",
    private=True,
    untrusted=True,  # rows hold what customers wrote
)
def query(
    context: ToolContext,
    database: Annotated[str, Field(description="Name of one of this fleet's databases.")],
    query: Annotated[str, Field(description="One SELECT; values as :name, given in parameters.")],
    parameters: dict[str, JsonValue] = {},  # noqa: B006 - pydantic copies it for each call
) -> dict[str, Any]:
    """Read a database by one SELECT statement. Nothing can be changed.

    Returns columns, rows and `truncated`, which is true if there were more rows than may be
    returned: aggregate, or narrow the query. Which tables there are: sqlite_master
    and PRAGMA table_info(name) in SQLite, information_schema in PostgreSQL.
    """
    declared = context.connections.databases
    if database not in declared:
        raise ToolError(f"no database '{database}'; there is: {', '.join(declared)}")
    return _reading().read_rows(context, database, declared[database], query, parameters)


def probe(context: ToolContext, database: str) -> str:
    """Read from one of the declared databases; returns what was found. Blocks.

    Raises:
        StepError, ToolError: the tool could not read it either.
    """
    connection = context.connections.databases[database]
    _reading().read_rows(context, database, connection, "SELECT 1", {})
    return "can be read"


def _reading() -> _Reading:
    # Not imported above: see the module's docstring.
    return cast("_Reading", importlib.import_module(READER))
