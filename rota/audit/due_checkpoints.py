"""Which daily checkpoints are to be made, and of which runs.

Pure. A day is over at midnight UTC. A run that was archived too late for its own day goes into the
next checkpoint of its agent; a day on which nothing ended has none.
"""

from collections.abc import Iterable
from datetime import UTC, date, timedelta

from rota.audit.archived import PendingHead


def due_checkpoints(
    pending: Iterable[PendingHead], newest: date | None, before: date
) -> list[tuple[date, list[PendingHead]]]:
    """Return the days, oldest first, each with its runs in the order in which they ended.

    Args:
        pending: Archived runs of one agent that no checkpoint has.
        newest: Day of the agent's newest checkpoint.
        before: Days from then on wait: they are not over, or their runs not all archived.
    """
    days: dict[date, list[PendingHead]] = {}
    for head in pending:
        day = head.ended.astimezone(UTC).date()
        if newest is not None and day <= newest:
            day = newest + timedelta(days=1)
        if day < before:
            days.setdefault(day, []).append(head)
    return [
        (day, sorted(heads, key=lambda head: (head.ended, head.run.key)))
        for day, heads in sorted(days.items())
    ]
