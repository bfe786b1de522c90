"""Runs that skip the time in which they only wait: the server's own, experimental feature.

Each run started by the stack's `starter` has a clock of its own. It begins at the real time
and jumps to the next timer whenever nothing else is under way: no step, no child. Children
begin at their parent's time, and the parent stands still until they end, so what a child has
slept through is not seen in its parent's clock. Keepers, locks, topics and whatever they
start live in real time: they are started by ordinary clients.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from temporalio.testing import TimeSkipper

from tests.stack import Stack, open_stack
from workers.devserver import DevServer, dev_server

BERLIN = ZoneInfo("Europe/Berlin")


@asynccontextmanager
async def skipping_server() -> AsyncGenerator[DevServer]:
    """The server that Rota brings along, with time skipping allowed."""
    async with dev_server(extra_config=("frontend.WorkflowTimeSkippingEnabled=true",)) as server:
        yield server


async def open_skipping_stack(address: str, folder: Path) -> Stack:
    """A fresh stack on a server that allows its runs to skip time."""
    stack = await open_stack(address, folder)
    stack.starter = TimeSkipper(stack.client).client
    return stack


def in_berlin(day: date, clock: str, *, fold: int = 0) -> datetime:
    """The instant (UTC) of a reading of Berlin's clock; of one that comes twice, the first."""
    local = datetime.combine(day, time.fromisoformat(clock), BERLIN)
    return local.replace(fold=fold).astimezone(UTC)


def tomorrow() -> date:
    """The day after this one in Berlin: none of its hours has passed yet."""
    return datetime.now(BERLIN).date() + timedelta(days=1)


def next_change(hours: int) -> date:
    """The next day on which Berlin's clock goes forward (1) or back (-1)."""
    day = tomorrow()
    while True:
        following = day + timedelta(days=1)
        length = in_berlin(following, "00:00") - in_berlin(day, "00:00")
        if length == timedelta(hours=24 - hours):
            return day
        day = following
