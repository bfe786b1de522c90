"""Whoever supervises workers is told whether one lives, and whether it serves."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from tests.processes.worker_process import worker_process
from tests.stack import Stack
from tests.workers.gateway.test_health import AwayStore
from tests.workflows.gates import poll
from workers.devserver import free_port
from workers.readiness import Readiness
from workers.worker_health import Serving, probed

LOG = logging.getLogger("rota.worker")


@asynccontextmanager
async def asked(readiness: Readiness, serving: Serving) -> AsyncGenerator[httpx2.AsyncClient]:
    """Answer probes at a free port; yields whoever asks there."""
    async with (
        probed("127.0.0.1:0", readiness, serving) as address,
        httpx2.AsyncClient(base_url=str(address)) as asking,
    ):
        yield asking


async def test_worker_is_ready_while_it_serves(stack: Stack) -> None:
    """Before it is starting, after it is stopping; alive all the while."""
    serving = Serving()
    told: list[tuple[int, str]] = []
    async with asked(Readiness(stack.client, stack.store, LOG), serving) as asking:

        async def ask() -> None:
            answer = await asking.get("/readyz")
            assert (await asking.get("/healthz")).text == "ok\n"
            told.append((answer.status_code, answer.json()["worker"]))

        await ask()
        with serving:
            await ask()
        await ask()
    assert told == [(503, "starting"), (200, "ok"), (503, "stopping")]


async def test_worker_whose_store_is_away_is_not_ready(stack: Stack, tmp_path: Path) -> None:
    """A rollout of workers that can do nothing must come to a halt."""
    serving = Serving()
    async with asked(Readiness(stack.client, AwayStore(tmp_path), LOG), serving) as asking:
        with serving:
            answer = await asking.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"worker": "ok", "server": "ok", "store": "unreachable"}


async def test_worker_without_address_for_probes_opens_no_port(stack: Stack) -> None:
    """Workers need no open port."""
    async with probed(None, Readiness(stack.client, stack.store, LOG), Serving()) as address:
        assert address is None


async def test_worker_command_answers_probes_and_names_its_build(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROTA_HEALTH, ROTA_DEPLOYMENT and ROTA_BUILD reach the worker, whose log says what to do."""
    port = free_port()
    deployment = f"health-{stack.task_queue}"
    monkeypatch.setenv("ROTA_HEALTH", f"127.0.0.1:{port}")
    monkeypatch.setenv("ROTA_DEPLOYMENT", deployment)
    monkeypatch.setenv("ROTA_BUILD", "b1")
    async with worker_process(stack), httpx2.AsyncClient() as asking:

        async def ready() -> bool | None:
            answer = await asking.get(f"http://127.0.0.1:{port}/readyz")
            return True if answer.status_code == 200 else None

        await poll(ready)
        log = await asyncio.to_thread((stack.folder / "worker.log").read_text)
    assert f"no build of deployment {deployment} is current" in log
    assert f"--deployment-name {deployment} --build-id b1" in log
