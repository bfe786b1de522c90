"""The worker: runs on one task queue, keepers on its neighbour."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import Worker

from activities.desk import RunDeskActivities
from activities.keeper_desk import KeeperDeskActivities
from activities.runtimes.open import OpenRuntimes
from activities.stores.base import ObjectStore
from activities.thinking import Runtimes, ThinkingActivities
from activities.tool_running import ToolRunningActivities
from activities.toolbox import Toolbox
from rota.ids import keeper_queue
from workers.plugin import KEEPER_WORKFLOWS, RUN_WORKFLOWS
from workers.takeover import Takeover
from workflows.activity_options import HEARTBEAT_INTERVAL, STICKY_TIMEOUT

log = logging.getLogger("rota.worker")

GRACE = timedelta(seconds=30)
"""How long a stopping worker lets steps finish: above the p95 of a model turn."""
MAX_STEPS = 100
"""Steps at once in one worker: they mostly wait for providers."""


@asynccontextmanager
async def serving(
    client: Client,
    *,
    task_queue: str,
    store: ObjectStore,
    toolbox: Toolbox,
    runtimes: Runtimes | None = None,
    grace: timedelta = GRACE,
) -> AsyncGenerator[None]:
    """Serve runs and keepers while the block lasts.

    Two workers in one process: an admission waits, inside a workflow task of its run, for
    the keeper's answer. With one pool of slots a burst of runs could hold them all.
    """
    desk = RunDeskActivities(client, store, toolbox)
    own_runtimes = OpenRuntimes()
    thinking = ThinkingActivities(store, runtimes or own_runtimes, toolbox)
    running = ToolRunningActivities(store, toolbox)
    keeper_desk = KeeperDeskActivities(client, store)
    runs = Worker(
        client,
        task_queue=task_queue,
        workflows=RUN_WORKFLOWS,
        activities=[
            desk.admit_run,
            desk.prepare_run,
            desk.settle_run,
            thinking.invoke_model,
            running.run_tool,
        ],
        max_concurrent_activities=MAX_STEPS,
        sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
        max_heartbeat_throttle_interval=HEARTBEAT_INTERVAL,
        interceptors=[Takeover()],
        graceful_shutdown_timeout=grace,
    )
    keepers = Worker(
        client,
        task_queue=keeper_queue(task_queue),
        workflows=KEEPER_WORKFLOWS,
        activities=[keeper_desk.closed_runs, keeper_desk.page_ledger],
        sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
        graceful_shutdown_timeout=grace,
    )
    # Keepers stop last: a run that settles while stopping still needs its keeper.
    try:
        async with keepers, runs:
            yield
    finally:
        await own_runtimes.aclose()


async def serve_until_stopped(
    client: Client, *, task_queue: str, store: ObjectStore, toolbox: Toolbox
) -> None:
    """Serve until SIGINT or SIGTERM; a second one ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        async with serving(client, task_queue=task_queue, store=store, toolbox=toolbox):
            log.info("serving %s at %s", task_queue, client.service_client.config.target_host)
            await stop.wait()
            log.info("stopping: steps in flight may finish (up to %s)", GRACE)
            with contextlib.suppress(NotImplementedError):
                for number in (signal.SIGINT, signal.SIGTERM):
                    loop.remove_signal_handler(number)
    finally:
        log.info("stopped")
