"""What a kind of database must offer for a query to be safe."""

from typing import Any, Protocol

from sqlalchemy import Connection, Engine

from rota.failures import FailureCategory, StepError


class Source(Protocol):
    """One database, before anything is connected."""

    def engine(self) -> Engine:
        """Return what connects, without a pool."""
        ...

    def restrict(self, connection: Connection, seconds: float) -> None:
        """Make the transaction one that only reads, and the server end it after that time."""
        ...

    def interrupt(self, driver: Any) -> None:
        """End the query that runs on the driver's connection; called from another thread."""
        ...

    def unreachable(self, words: str) -> StepError:
        """Classify a connection that was not made, or broke."""
        ...


def misdeclared(name: str, problem: str) -> StepError:
    """Say what is wrong with the declaration of a database."""
    text = f"databases.{name}.url in fleet.yaml: {problem}"
    return StepError(FailureCategory.INVALID_REQUEST, text)
