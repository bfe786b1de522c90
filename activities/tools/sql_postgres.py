"""PostgreSQL in a transaction that may only read, by a cursor that takes only a SELECT.

The statement is given to `DECLARE CURSOR`, by the protocol that takes one statement at a
time: the server's own grammar keeps out everything but a query, so no text of it can end
the transaction or make it one that writes.
"""

from contextlib import suppress
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from rota.failures import FailureCategory, StepError

CONNECT_SECONDS = 10
_CANCEL_SECONDS = 5.0
_BY_WORDS = (
    ("authentication failed", FailureCategory.AUTH),
    ("pg_hba.conf", FailureCategory.AUTH),
    ("no password supplied", FailureCategory.AUTH),
    ("does not exist", FailureCategory.INVALID_REQUEST),
)
"""A refused login has no code that libpq would tell."""


class PostgresDatabase:
    """A database on a server.

    Args:
        name: As `fleet.yaml` calls it.
        url: With its credentials.
    """

    def __init__(self, name: str, url: URL) -> None:
        self._name = name
        self._url = url.set(drivername="postgresql+psycopg")

    def engine(self) -> Engine:
        """Return what connects."""
        own = {
            "connect_timeout": CONNECT_SECONDS,
            "application_name": "rota",
            # A server that is gone is noticed, although nobody sends it anything.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
        }
        return create_engine(self._url, poolclass=NullPool, connect_args=own, hide_parameters=True)

    def restrict(self, connection: Connection, seconds: float) -> None:
        """Begin a transaction that only reads, with the server's own limit on its time."""
        # First in its transaction. After a snapshot was taken there is no way back.
        connection.execute(text("SET TRANSACTION READ ONLY"))
        limit = f"{int(seconds * 1000)}ms"
        connection.execute(
            text("SELECT set_config('statement_timeout', :limit, true)"), {"limit": limit}
        )

    def interrupt(self, driver: Any) -> None:
        """Ask the server to end the query, over a connection of its own."""
        # Not reached: then its own limit ends the query.
        with suppress(psycopg.Error):
            driver.cancel_safe(timeout=_CANCEL_SECONDS)

    def unreachable(self, words: str) -> StepError:
        """A server that does not answer, or refuses the login."""
        category = next((c for part, c in _BY_WORDS if part in words), FailureCategory.TRANSIENT)
        cure = "" if category.retryable else f"; check databases.{self._name}.url in fleet.yaml"
        return StepError(category, f"database {self._name}: {words}{cure}")
