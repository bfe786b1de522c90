"""The Watchdog's own queue: served apart, so that it lives on when those of the runs do not."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import Worker

from activities.notifying import NotifyingActivities
from activities.stores.base import ObjectStore
from activities.toolbox import Toolbox
from activities.watching import WatchingActivities
from rota.fleet_file import FleetFile
from rota.ids import keeper_queue
from workers.build import Build
from workers.log_context import LogContext
from workers.measuring import Measuring
from workers.plugin import WATCH_WORKFLOWS
from workflows.activity_options import STICKY_TIMEOUT


def watchdog_queue(toolbox: Toolbox, task_queue: str) -> str | None:
    """The queue that the fleet's Watchdog has for itself; None: it is served with the keepers."""
    file = toolbox.connections
    declared = file.watchdog if isinstance(file, FleetFile) else None
    queue = declared.queue if declared else None
    return None if queue == task_queue else queue


@asynccontextmanager
async def watching(
    client: Client,
    queue: str,
    *,
    store: ObjectStore,
    toolbox: Toolbox,
    grace: timedelta,
    on_fatal_error: Callable[[BaseException], Awaitable[None]] | None = None,
    ui: str = "",
    build: Build | None = None,
) -> AsyncGenerator[None]:
    """Serve the Watchdog and the notifiers of its alerts while the block lasts."""
    looking = WatchingActivities(client, store)
    notifying = NotifyingActivities(client, toolbox.connections, ui=ui)
    try:
        async with Worker(
            client,
            task_queue=keeper_queue(queue),
            workflows=WATCH_WORKFLOWS,
            activities=[
                looking.list_agents,
                looking.look_at_agents,
                looking.send_beat,
                notifying.post_facts,
                notifying.send_notification,
            ],
            sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
            interceptors=[LogContext(), Measuring()],
            graceful_shutdown_timeout=grace,
            on_fatal_error=on_fatal_error,
            deployment_config=build and build.upgraded,
        ):
            yield
    finally:
        await looking.aclose()
        await notifying.aclose()
