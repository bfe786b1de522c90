"""What the demo plays on: a folder, a server, two workers, an applied fleet."""

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from temporalio.client import Client

from activities.stores.base import ObjectStore
from rota.agent_spec import AgentSpec, RuntimeSpec
from rota.ids import TASK_QUEUE
from rota.schedule.spec import Catchup, ScheduleSpec
from schedules.apply import apply_plan
from schedules.fleet import DeclaredAgent, Fleet, load_fleet
from schedules.plan import make_plan
from workers.child_worker import start_worker
from workers.connection import connect
from workers.devserver import DevServer, dev_server, port_is_free, stop_process
from workers.encryption import store_of
from workers.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "reconciliation"
FOLDER = ROOT / ".rota" / "demo"
AGENT = "reconciliation"
SETTLEMENT = "settlement"
"""Has no clock: the reconciliation's event starts it."""
SCRIPTED_PACE = 4.0
"""The script's turns take this many times as long, so that a viewer can follow."""
UI_PORT = 8233
PORT = 7233


class DemoError(Exception):
    """The demo cannot go on; the message says what to do."""


@dataclass
class Stage:
    """Everything the story needs."""

    server: DevServer
    settings: Settings
    client: Client
    store: ObjectStore
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start one more worker process; its log goes beside the server's."""
        number = len(self.workers) + 1
        with (FOLDER / f"worker-{number}.log").open("ab") as log:
            worker = start_worker(self.settings, log=log)
        self.workers.append(worker)
        return worker

    def kill_worker(self, pid: int) -> None:
        """`kill -9`: no goodbye, nothing flushed."""
        os.kill(pid, signal.SIGKILL)
        for worker in self.workers:
            if worker.pid == pid:
                worker.wait()


@asynccontextmanager
async def set_stage(model: str | None) -> AsyncGenerator[Stage]:
    """Start server and workers in a fresh folder; everything stops with the block.

    Args:
        model: The model that thinks, or None for the script.

    Raises:
        DemoError: the example is not there, or another demo is running.
        workers.devserver.ServerStartError: the server did not come up.
    """
    if not EXAMPLE.is_dir():
        raise DemoError("the demo plays examples/reconciliation: run it from a clone of Rota")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with _only_one():
        shutil.rmtree(FOLDER, ignore_errors=True)
        shutil.copytree(EXAMPLE, FOLDER / "fleet", ignore=shutil.ignore_patterns("state"))
        settings = Settings.read(FOLDER / "fleet", store=str(FOLDER / "store"))
        async with dev_server(
            database=FOLDER / "temporal.db",
            port=PORT if port_is_free(PORT) else None,
            ui_port=UI_PORT if port_is_free(UI_PORT) else None,
            with_ui=True,
            log_file=FOLDER / "server.log",
        ) as server:
            settings = replace(settings, address=server.address, namespace="default")
            store = store_of(settings)
            stage = Stage(server, settings, await connect(settings, store), store)
            try:
                stage.start_worker()
                stage.start_worker()
                yield stage
            finally:
                await asyncio.to_thread(_stop_all, stage.workers)


def staged_fleet(model: str | None, every: timedelta) -> Fleet:
    """The example as declared, with a schedule short enough to watch; no escalation."""
    fleet = load_fleet(FOLDER / "fleet")
    agent, settlement = fleet.agents[AGENT], fleet.agents[SETTLEMENT]
    schedule = ScheduleSpec(every=(every,), catchup=Catchup(window=timedelta(minutes=10)))
    runtime = _real(model) if model else _slowed(agent.spec)
    spec = agent.spec.model_copy(update={"schedule": schedule, "runtime": runtime})
    settles = settlement.spec.model_copy(update={"runtime": _real(model)} if model else {})
    return replace(
        fleet,
        agents={
            AGENT: DeclaredAgent(spec, agent.document),
            SETTLEMENT: DeclaredAgent(settles, settlement.document),
        },
    )


async def apply(stage: Stage, fleet: Fleet) -> None:
    """Plan and apply `fleet`, as `rota apply` does."""
    now = datetime.now(UTC)
    plan = await make_plan(stage.client, stage.store, fleet, task_queue=TASK_QUEUE, now=now)
    await apply_plan(stage.client, stage.store, fleet, plan, task_queue=TASK_QUEUE)


def _real(model: str) -> RuntimeSpec:
    return RuntimeSpec(kind="anthropic", model=model, max_turns=20)


def _slowed(spec: AgentSpec) -> RuntimeSpec:
    settings = spec.runtime.settings
    turns = [
        {**turn, "seconds": turn.get("seconds", 0.0) * SCRIPTED_PACE} for turn in settings["turns"]
    ]
    return RuntimeSpec.model_validate({**settings, "turns": turns})


@contextlib.contextmanager
def _only_one() -> Generator[None]:
    """Hold a lock: a second demo would pull the folder from under the first."""
    with (FOLDER.parent / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoError("a demo is running already: stop it with Ctrl-C first") from None
        yield


def _stop_all(workers: list[subprocess.Popen[bytes]]) -> None:
    for worker in workers:
        if worker.poll() is None:
            worker.send_signal(signal.SIGTERM)
    for worker in workers:
        stop_process(worker)
