"""What a keeper refuses, as whoever asked is told: errors of the rules made into answers."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from rota.budgets.raises import RaiseRefusedError
    from rota.budgets.rules import UnknownZoneError
    from rota.checks.baseline import BaselineRefusedError
    from rota.failures import PAYLOAD_ERROR_TYPE
    from rota.keepers.freezing import FreezeRefusedError
    from rota.keepers.orders import BackfillRefusedError
    from rota.keepers.rules import UnknownAgentError
    from rota.model import canonical_json

REFUSALS = (
    BaselineRefusedError,
    BackfillRefusedError,
    FreezeRefusedError,
    RaiseRefusedError,
    UnknownAgentError,
    UnknownZoneError,
)


@contextmanager
def refusing() -> Generator[None]:
    """Refuse an update whose rule says no; any other error keeps the workflow task failing."""
    try:
        yield
    except REFUSALS as error:
        raise ApplicationError(str(error), type=type(error).__name__) from error


def require_json(input: dict[str, Any]) -> None:
    """Refuse an input that could not be written into the state: `1e999` is read as infinite."""
    try:
        canonical_json(input)
    except ValueError as error:
        raise ApplicationError(
            f"input: {error}", type=PAYLOAD_ERROR_TYPE, non_retryable=True
        ) from error
