"""Every workflow of a kind asked for its state; one that nobody serves hides no other."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import TypeVar

from temporalio.client import Client

from activities.side_by_side import side_by_side
from schedules.apply_errors import NoWorkerError
from workers.cli.server import Link
from workers.cli.standing import ask_state

PATIENCE = timedelta(seconds=3)
"""How long each of a list may take: one that nobody serves delays all."""
SILENT = "no worker answers for it"

State = TypeVar("State")


async def open_names(
    client: Client, query: str, prefix: str, limit: int | None = None
) -> list[str]:
    """Return whose workflows the server lists, sorted, `prefix` taken off; needs no worker.

    The server's lists lag a moment behind what was started.
    """
    listed = client.list_workflows(query, limit=limit)
    return sorted([execution.id.removeprefix(prefix) async for execution in listed])


async def states_of(
    link: Link, prefix: str, names: Sequence[str], kind: type[State], query: str = "state"
) -> dict[str, State | None]:
    """Ask each for its state, or what another query tells; leave out those that have ended.

    None where no worker answered: another task queue's may be among them, which none of these
    workers serves.
    """
    ended = object()

    async def ask(name: str) -> State | object | None:
        try:
            state = await ask_state(link, prefix + name, kind, PATIENCE, query)
        except NoWorkerError:
            return None
        return ended if state is None else state

    answers = await side_by_side(names, ask)
    return {
        name: answer if isinstance(answer, kind) else None
        for name, answer in zip(names, answers, strict=True)
        if answer is not ended
    }


def require_any(link: Link, states: Collection[object | None]) -> None:
    """Raise if there is something to ask, and none of it answered.

    Raises:
        NoWorkerError: as said.
    """
    if states and all(state is None for state in states):
        raise NoWorkerError(link.settings.task_queue)
