"""Runs that wait for workers which are not there. Pure."""

from collections.abc import Mapping
from datetime import datetime

from rota.notices.spec import Occasion
from rota.watchdog.alerts import Finding


def unserved(
    waiting: Mapping[str, int], served: Mapping[str, bool], now: datetime
) -> list[Finding]:
    """One finding for each queue that runs are on, and nobody asks for work.

    Args:
        waiting: How many runs are on each queue.
        served: Of each, whether anybody serves it.
        now: When that was seen.
    """
    return [
        Finding(
            key=f"unserved/{queue}",
            kind=Occasion.UNSERVED,
            since=now,
            reason=f"no worker serves task queue {queue}: {_those(waiting.get(queue, 0))}",
            todo="rota worker",
        )
        for queue, is_served in sorted(served.items())
        if not is_served
    ]


def _those(runs: int) -> str:
    if not runs:
        return "nothing can begin there"
    return f"{runs} run{'s' if runs > 1 else ''} at work on it stand{'' if runs > 1 else 's'} still"
