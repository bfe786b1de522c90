"""A gateway that dies at its worst moment loses nothing, and doubles nothing."""

import asyncio
import signal
from pathlib import Path

import httpx2
import pytest
import yaml

from rota.hooks.spec import Scheme
from rota.runs import AgentRunResult, RunStatus
from tests.deliveries import SECRETS, Posted, now_signed
from tests.processes.worker_process import launched
from tests.stack import Stack, script
from tests.workflows.gates import poll
from workers.devserver import free_port

DYING = ("tests.processes.dying_gateway", "gateway")
LIVING = ("workers", "gateway")


def declare_files(folder: Path, name: str) -> None:
    """A fleet with one agent that is started by webhooks."""
    (folder / "agents").mkdir()
    hook = {"scheme": "github", "secrets": ["env:HOOK_SECRET"], "input": {"n": "{body.n}"}}
    agent = {"name": name, "runtime": script({"result": "done"}), "hook": hook}
    (folder / "agents" / "agent.yaml").write_text(yaml.safe_dump(agent))
    (folder / "fleet.yaml").write_text("name: test\n")


async def test_gateway_killed_before_its_answer_leaves_one_run(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The delivery comes again, is told of the run that was accepted, and there is no other."""
    name = stack.name("triage")
    declare_files(stack.folder, name)
    monkeypatch.setenv("HOOK_SECRET", SECRETS[Scheme.GITHUB])
    async with stack.worker():
        spec = yaml.safe_load((stack.folder / "agents" / "agent.yaml").read_text())
        await stack.declare(spec.pop("name"), **spec)
    delivery = now_signed(Scheme.GITHUB, "1", {"n": 1})
    with launched(stack, (*DYING, "--listen", (address := f"127.0.0.1:{free_port()}"))) as dying:
        assert await answered(f"http://{address}/hooks/{name}", delivery) is None
        assert await asyncio.to_thread(dying.wait) == -signal.SIGKILL
    with launched(stack, (*LIVING, "--listen", (address := f"127.0.0.1:{free_port()}"))):
        answer = await answered(f"http://{address}/hooks/{name}", delivery)
    assert answer is not None
    assert answer.status_code == 200
    async with stack.worker():
        handle = stack.client.get_workflow_handle(
            answer.json()["run_id"], result_type=AgentRunResult
        )
        assert (await handle.result()).status is RunStatus.SUCCEEDED
        keeper = await stack.keeper(name)
    assert len(keeper.ledger) == 1


async def answered(url: str, posted: Posted) -> httpx2.Response | None:
    """What came back, once somebody listens; None if the connection was lost."""
    async with httpx2.AsyncClient() as client:

        async def attempt() -> httpx2.Response | str | None:
            try:
                return await client.post(url, content=posted.body, headers=dict(posted.headers))
            except httpx2.ConnectError:
                return None  # it does not listen yet
            except httpx2.TransportError:
                return "lost"

        found = await poll(attempt)
    return None if isinstance(found, str) else found
