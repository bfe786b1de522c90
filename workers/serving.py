"""A worker as a process serves it: until it is told to stop, or can no longer serve."""

import asyncio
import logging
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext
from typing import TypedDict

from temporalio.client import Client

from activities.stores.base import ObjectStore
from activities.toolbox import Toolbox
from workers.build import Build, tell_of_build
from workers.runtime_queues import fleet_queues
from workers.stop_signals import told_to_stop
from workers.watching import watchdog_queue, watching
from workers.worker import GRACE, FatalHandler, serving

log = logging.getLogger("rota.worker")

REASON_SECONDS = 5.0
"""How long a worker that failed may take to say why, while its steps are still in flight."""

Ready = AbstractContextManager[object]
"""Entered while the worker serves."""


class WorkerFailedError(Exception):
    """The worker stopped serving without being told to; the message says why."""


class _Common(TypedDict):
    store: ObjectStore
    toolbox: Toolbox
    on_fatal_error: FatalHandler
    ui: str
    build: Build | None


async def serve_until_stopped(
    client: Client,
    *,
    task_queue: str,
    store: ObjectStore,
    toolbox: Toolbox,
    ui: str = "",
    watchdog_alone: bool = False,
    build: Build | None = None,
    ready: Ready | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; a second one ends the process at once.

    Beside `task_queue` those that the runtimes of the toolbox's fleet name, and its Watchdog's
    own; or that alone. Notifications link runs to `ui`, if anybody has said where the Temporal
    UI is. As a `build` it is given what the server gives to that; `ready` is true while it serves.

    Raises:
        WorkerFailedError: serving ended without being told to. Steps may still be in flight,
            in threads that nothing can stop: the caller ends the process, and another
            worker goes on as if this one had been killed.
    """
    over: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

    async def end(error: BaseException | None = None) -> None:
        if not over.done():
            over.set_result(error)

    async def serve(stop: asyncio.Event) -> None:
        queues = () if watchdog_alone else fleet_queues(toolbox.fleet, task_queue)
        own = watchdog_queue(toolbox, task_queue)
        common = _Common(store=store, toolbox=toolbox, on_fatal_error=end, ui=ui, build=build)
        async with AsyncExitStack() as served:
            if own:
                watch = watching(client, own, grace=GRACE, **common)
                await served.enter_async_context(watch)
            if not watchdog_alone:
                runs = serving(client, task_queue=task_queue, runtime_queues=queues, **common)
                await served.enter_async_context(runs)
            mine = () if watchdog_alone else (task_queue, *(queue.name for queue in queues))
            names = ", ".join(filter(None, (*mine, own)))
            log.info("serving %s at %s", names, client.service_client.config.target_host)
            if build:
                await tell_of_build(client, build)
            try:
                with ready or nullcontext():
                    await stop.wait()
            finally:  # told to stop, or cancelled by a worker that ended
                await end()
            log.info("stopping: steps in flight may finish (up to %s)", GRACE)

    with told_to_stop() as stop:
        work = asyncio.create_task(serve(stop))
        try:
            await asyncio.wait((work, over), return_when=asyncio.FIRST_COMPLETED)
            if not stop.is_set():
                raise WorkerFailedError(f"the worker failed: {await _reason(work, over)}")
            await work
        finally:
            work.cancel()
            log.info("stopped")


async def _reason(work: "asyncio.Task[None]", over: "asyncio.Future[BaseException | None]") -> str:
    error = over.result() if over.done() else None
    if error is None:
        await asyncio.wait((work,), timeout=REASON_SECONDS)
        if work.done() and not work.cancelled():
            error = work.exception()
    return f"{type(error).__name__}: {error}" if error else "it does not say why"
