"""Ask a long-lived workflow (a keeper, a lock) for its state, which needs a worker."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from temporalio.service import RPCError

from activities.open_state import UNANSWERED, State, open_state
from schedules.apply_errors import NoWorkerError
from workers.cli.server import Link

ANSWER = timedelta(seconds=15)
"""How long a worker may take."""


async def ask_state(
    link: Link,
    id: str,
    kind: type[State],
    patience: timedelta | None = None,
    query: str = "state",
    arguments: Sequence[Any] = (),
) -> State | None:
    """Return the answer to the query `state`, or another; None if no such workflow is open.

    Raises:
        NoWorkerError: no worker answered within `patience`, which is `ANSWER` by default.
    """
    try:
        return await open_state(link.client, id, kind, patience or ANSWER, query, arguments)
    except RPCError as error:
        if error.status not in UNANSWERED:
            raise
        raise NoWorkerError(link.settings.task_queue) from error
