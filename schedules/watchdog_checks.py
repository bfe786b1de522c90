"""What the Watchdog's checks have found, read from the server: the newest that has ended."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from temporalio.client import Client

from rota.ids import watchdog_id
from rota.watchdog.memory import WatchMemory
from rota.watchdog.recalling import recall

MISSED_CHECKS = 3
"""Intervals without a check that has ended: the Watchdog does not watch."""
LEAST = timedelta(minutes=2)
"""However short the interval is: a check takes a while, and lists lag behind."""
LOOK_AGAIN = timedelta(milliseconds=100)
TRIGGER_AGAIN = timedelta(seconds=1.2)


@dataclass(frozen=True)
class Check:
    """A check that has ended well."""

    id: str
    run_id: str
    """Its execution: two checks that begin in one second have the same id."""
    began: datetime
    memory: WatchMemory

    def is_old(self, every: timedelta, now: datetime) -> bool:
        """True if another should have ended since."""
        return now - self.began > max(MISSED_CHECKS * every, LEAST)


async def last_check(client: Client, fleet: str, since: datetime | None = None) -> Check | None:
    """Return the newest check of the fleet that has ended; None: there is none.

    Args:
        client: Connected with Rota's converter.
        fleet: Whose Watchdog.
        since: No check that began before is meant.
    """
    query = f"TemporalScheduledById = '{watchdog_id(fleet)}' AND ExecutionStatus = 'Completed'"
    listed = [each async for each in client.list_workflows(query, limit=1)]
    found = listed[0] if listed else None
    if found is None or (since is not None and found.start_time < since):
        return None
    handle = client.get_workflow_handle(found.id, run_id=found.run_id, result_type=dict[str, Any])
    memory, lost = recall(await handle.result())
    if lost:
        memory = memory.model_copy(update={"trouble": (lost, *memory.trouble)})
    return Check(found.id, found.run_id, found.start_time, memory)


async def check_now(client: Client, fleet: str, now: datetime, patience: timedelta) -> Check | None:
    """Have the schedule start a check, and return it once it has ended; None: it did not in time.

    A check that is at work already is waited for instead.

    Raises:
        temporalio.service.RPCError: there is no such schedule, or the server did not answer.
    """
    loop = asyncio.get_running_loop()
    end, again = loop.time() + patience.total_seconds(), 0.0
    while loop.time() < end:
        if loop.time() >= again:
            # The server drops one of two within a second, and any while a check is at work.
            await client.get_schedule_handle(watchdog_id(fleet)).trigger()
            again = loop.time() + TRIGGER_AGAIN.total_seconds()
        await asyncio.sleep(LOOK_AGAIN.total_seconds())
        if check := await last_check(client, fleet, now):
            return check
    return None
