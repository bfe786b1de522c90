"""What every tool here starts from: its files, its lock, and refusals a model can read."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from sqlite3 import Connection

from reconciliation_camt import StatementError
from reconciliation_ledger import LedgerError
from reconciliation_state import LOCK, Answer, StateError, change

from rota.tools import ToolContext, ToolError

MESSAGE_LIMIT = 300
"""Characters of an error shown to the model; some quote what stands in a bank's file."""


def changed(ctx: ToolContext, tool: str, act: Callable[[Connection], Answer]) -> Answer:
    """Change the state once per call, under the fence of the run's lock.

    Raises:
        StateError: see `reconciliation_state.change`, and whatever `act` raises.
    """
    fence = ctx.fences.get(LOCK, 0)
    return change(state_path(ctx), ctx.idempotency_key, tool, act, fence=fence)


def state_path(ctx: ToolContext) -> Path:
    """Return the state file of the run's ledger."""
    return path_of(ctx, "state", "state/reconciliation.sqlite")


def path_of(ctx: ToolContext, name: str, default: str) -> Path:
    """Return a file that the run's input names: no argument of the model can name one."""
    return ctx.fleet / str(ctx.input.get(name) or default)


def day_of(text: str | None, argument: str) -> date | None:
    """Read a day that the model wrote.

    Raises:
        ToolError: it is none.
    """
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ToolError(f"{argument}: '{text[:40]}' is not a day: write 2026-10-01") from error


@contextmanager
def refusals() -> Generator[None]:
    """Turn what the model or a person can mend into its error; the rest is retried."""
    try:
        yield
    except (StateError, StatementError, LedgerError, FileNotFoundError) as error:
        raise ToolError(str(error)[:MESSAGE_LIMIT]) from error
