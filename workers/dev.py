"""The process tree of `rota dev`: server, UI and worker for one fleet on this machine.

    rota dev
    ├── temporal server start-dev   the real server, on a SQLite file
    └── rota worker                 in a process of its own, so that it can be killed

Ctrl-C or SIGTERM stops all of it in order. Killed with -9, it takes its children along
(`workers.leash`). A worker that dies is replaced; a server that dies, or a worker that
cannot be replaced, ends everything.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.child_worker import start_worker
from workers.dev_lock import DevInfo, dev_lock
from workers.devserver import (
    HOST,
    DevServer,
    ServerStartError,
    dev_server,
    port_is_free,
    stop_process,
)
from workers.settings import Settings

DATABASE = Path(".rota/temporal.db")
"""Default database, relative to the fleet."""
WORKER_PATIENCE = 10.0
"""Seconds a stopping worker has for its steps; what it does not finish is repeated later."""
HEALTHY_SECONDS = 5.0
"""A worker that lived this long was well; one that dies sooner is not started at once."""
MAX_PAUSE = 15.0

Say = Callable[[str], None]
Ready = Callable[[DevServer, Settings], Awaitable[None]]


@dataclass(frozen=True)
class DevOptions:
    """What one `rota dev` runs."""

    settings: Settings
    database: Path
    port: int
    ui_port: int | None
    """None: no UI."""
    with_worker: bool = True


def use_own_server() -> None:
    """Forget Temporal's environment configuration in this process and its children.

    It may hold the address, key and certificates of a production server; `rota dev` talks
    to its own and to no other.
    """
    for name in [name for name in os.environ if name.startswith("TEMPORAL_")]:
        del os.environ[name]
    os.environ["TEMPORAL_CONFIG_FILE"] = os.devnull


async def run_dev(options: DevOptions, say: Say, ready: Ready) -> None:
    """Run until SIGINT, SIGTERM or SIGHUP; `ready` is awaited once everything is up.

    Raises:
        ServerStartError: a port is taken, or the server did not start or ended.
        DevRunningError: another `rota dev` uses the database.
        WorkerStartError: a worker died, and no other could be started.
    """
    task = asyncio.current_task()
    assert task is not None
    with _stops(task) as stopped:
        try:
            async with _running(options, say) as (server, settings, worker):
                await _unless_ended(worker, _serve(server, settings, ready))
        except asyncio.CancelledError:
            if not stopped.is_set():
                raise
            task.uncancel()


@asynccontextmanager
async def _running(
    options: DevOptions, say: Say
) -> AsyncGenerator[tuple[DevServer, Settings, "asyncio.Task[None] | None"]]:
    address = f"{HOST}:{options.port}"
    ui = f"http://{HOST}:{options.ui_port}" if options.ui_port else None
    _check_ports(options)
    settings = Settings.read(
        options.settings.fleet,
        store=options.settings.store,
        task_queue=options.settings.task_queue,
        address=address,
        namespace="default",
    )
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(dev_lock(options.database, DevInfo(os.getpid(), address, ui)))
        server = await stack.enter_async_context(
            dev_server(
                database=options.database,
                port=options.port,
                ui_port=options.ui_port,
                with_ui=options.ui_port is not None,
                log_file=options.database.with_name("server.log"),
            )
        )
        worker = None
        if options.with_worker:
            worker = await stack.enter_async_context(_worker_kept_alive(settings, say))
        yield server, settings, worker


def _check_ports(options: DevOptions) -> None:
    """Say which option to use: the server itself names the port alone."""
    for port, option in ((options.port, "--port"), (options.ui_port, "--ui-port")):
        if port is not None and not port_is_free(port):
            raise ServerStartError(
                f"port {port} is taken: stop its owner, or choose another with {option}"
            )


async def _serve(server: DevServer, settings: Settings, ready: Ready) -> None:
    await ready(server, settings)
    await _server_end(server)


async def _unless_ended(
    keeper: "asyncio.Task[None] | None", work: Coroutine[Any, Any, None]
) -> None:
    """Do `work`, unless `keeper` fails first: then raise its error."""
    working = asyncio.create_task(work)
    try:
        await asyncio.wait(
            (working, keeper) if keeper else (working,), return_when=asyncio.FIRST_COMPLETED
        )
        if keeper is not None and keeper.done():
            keeper.result()
        await working
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def _server_end(server: DevServer) -> None:
    code = await asyncio.to_thread(server.process.wait)
    raise ServerStartError(
        f"the Temporal server ended by itself ({_ending(code)}): start 'rota dev' again, "
        "nothing that it acknowledged is lost; its log is server.log beside the database"
    )


@asynccontextmanager
async def _worker_kept_alive(settings: Settings, say: Say) -> AsyncGenerator["asyncio.Task[None]"]:
    keeper = asyncio.create_task(_keep_worker(settings, say))
    try:
        yield keeper
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)


async def _keep_worker(settings: Settings, say: Say) -> None:
    pause = 0.0
    while True:
        process = start_worker(settings)
        started = asyncio.get_running_loop().time()
        try:
            code = await asyncio.to_thread(process.wait)
        finally:
            await asyncio.to_thread(stop_process, process, WORKER_PATIENCE)
        lived = asyncio.get_running_loop().time() - started
        pause = 0.0 if lived > HEALTHY_SECONDS else min(MAX_PAUSE, pause * 2 or 1.0)
        again = f"starting another in {pause:.0f} s" if pause else "starting another"
        say(f"the worker (process {process.pid}) ended ({_ending(code)}): {again}")
        await asyncio.sleep(pause)


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    return f"signal {signal.Signals(-code).name}"


@contextlib.contextmanager
def _stops(task: "asyncio.Task[Any]") -> Generator[asyncio.Event]:
    """Cancel `task` at the first signal; the event says that a signal did it."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        # Once: a second cancellation would interrupt the orderly stop of the children.
        if not stopped.is_set():
            stopped.set()
            task.cancel()

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in signals:
        loop.add_signal_handler(number, stop)
    try:
        yield stopped
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
