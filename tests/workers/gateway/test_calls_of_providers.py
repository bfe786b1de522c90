"""Providers call the gateway: runs that wait are woken, and nothing that is posted is believed."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from activities.bells import Bell, listening, run_bell, session_bell
from activities.callbacks import offer
from activities.providers import called
from rota.hooks.spec import Scheme
from rota.runs import AgentRunResult, RunStatus
from tests.activities.runtimes.session_requests import INBOX
from tests.contract.bench import RuntimeBench
from tests.contract.claude_managed_bench import ClaudeManagedBench
from tests.contract.n8n_bench import N8nBench
from tests.deliveries import SECRETS, Posted, now_signed, standard
from tests.fakes.job_script import Job, Work
from tests.fakes.managed_turns import Turn
from tests.stack import Stack
from tests.workers.gateway.calling import PATH, taking
from tests.workers.gateway.gateways import served
from tests.workflows.gates import poll
from workers.gateway.doors import Doors

SESSION = "sesn_1"
BELL = session_bell("claude-managed", SESSION)
SECONDS = 1.0
"""How long the work takes: fifty times the first pause."""


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the gateway's references lead to."""
    monkeypatch.setenv("MANAGED_HOOK", SECRETS[Scheme.STANDARD])


@asynccontextmanager
async def played(stack: Stack) -> AsyncGenerator[httpx2.AsyncClient]:
    """A gateway, and a worker that gives out its addresses."""
    gateway = taking(stack)
    assert gateway.callbacks is not None
    async with served(gateway) as asking, stack.worker():
        offer(replace(gateway.callbacks, url=str(asking.base_url)))
        try:
            yield asking
        finally:
            offer(None)


async def run(
    stack: Stack, bench: RuntimeBench, monkeypatch: pytest.MonkeyPatch, **more: Any
) -> AgentRunResult:
    """One run on a runtime whose provider calls."""
    for name, value in bench.environment.items():
        monkeypatch.setenv(name, value)
    agent = stack.name("caller")
    runtime = bench.settings(callback=True, poll="20ms", **more)
    await stack.declare(agent, runtime=runtime, instructions="count")
    return await stack.run(agent, f"{agent}-1")


async def test_workflow_of_n8n_that_calls_is_asked_three_times(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At first, when it calls, which is while it works, and then; however long it takes."""
    async with N8nBench() as bench, played(stack):
        bench.answer("three boxes", seconds=SECONDS)
        result = await run(stack, bench, monkeypatch)
        assert (result.status, result.output) == (RunStatus.SUCCEEDED, "three boxes")
        assert bench.server.calls == [202]
        assert bench.server.looks <= 3 + 1  # and it is read once, with its data
    assert await stack.store.list_refs("bells") == []


async def waited_for(bench: N8nBench, looks: int) -> Job:
    """The execution, once it was asked for so often."""

    async def asked() -> Job | None:
        return bench.server.script.jobs[0] if bench.server.looks >= looks else None

    return await poll(asked)


async def test_workflow_of_n8n_that_waits_for_a_person_is_asked_again_when_it_calls(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call before the person has acted changes nothing; the one after it ends the run."""
    monkeypatch.setattr(called, "SAFETY_LOOKS", timedelta(hours=1))
    async with N8nBench() as bench, played(stack) as asking:
        bench.server.loses_calls = True
        bench.server.script.add(Work("approved", waits=True))
        running = asyncio.create_task(run(stack, bench, monkeypatch, inactivity="3h"))
        # Twice each: as it waits for somebody its data are read, too. Once to find that out, once
        # by who then waits.
        job = await waited_for(bench, 4)
        address = job.body["rota_callback"]
        assert (await asking.post(address)).status_code == 202
        # What the call led to, and the two looks that follow.
        await waited_for(bench, 10)
        assert not running.done()
        job.resumed = True
        await asking.post(address)
        async with asyncio.timeout(30):
            result = await running
        assert (result.status, result.output) == (RunStatus.SUCCEEDED, "approved")
        assert bench.server.looks <= 10 + 2
    assert await stack.store.list_refs("bells") == []


async def test_managed_session_that_calls_is_asked_twice_for_each_stop(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it is told something, and when the webhook says that it has stopped."""
    async with ClaudeManagedBench() as bench, played(stack) as asking:
        bench.fake.webhook = f"{asking.base_url}{PATH}"
        bench.fake.add(Turn(says=("All matched.",), seconds=SECONDS))
        result = await run(stack, bench, monkeypatch)
        assert (result.status, result.output) == (RunStatus.SUCCEEDED, "All matched.")
        idled = [status for kind, status in bench.fake.calls if kind == "session.status_idled"]
        assert idled[0] == 202
        looks = [label for label, _ in bench.fake.requests if label.startswith("GET")]
        read = [label for label in looks if label.endswith("/events")]
        # Two looks, and its last answer, which the fake tells in pages.
        assert len(read) <= 5
    assert await stack.store.list_refs("bells") == []


@pytest.mark.parametrize("kind", [N8nBench, ClaudeManagedBench])
async def test_lost_call_is_found_out_by_asking(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, kind: type[N8nBench] | type[ClaudeManagedBench]
) -> None:
    """The run ends all the same, a little later."""
    monkeypatch.setattr(called, "SAFETY_LOOKS", timedelta(milliseconds=300))
    async with kind() as bench, played(stack):
        if isinstance(bench, N8nBench):
            bench.server.loses_calls = True
        bench.answer("done", seconds=0.2)
        result = await run(stack, bench, monkeypatch)
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, "done")


def event(kind: str = "session.status_idled", session: str = SESSION) -> dict[str, Any]:
    """What a webhook of the workspace says."""
    about = {"id": session, "organization_id": "org_1", "type": kind, "workspace_id": "wrk_1"}
    return {"id": "wevt_1", "created_at": "2026-03-15T10:00:00Z", "data": about, "type": "event"}


async def post(asking: httpx2.AsyncClient, posted: Posted) -> int:
    """Post a delivery; returns the status."""
    answer = await asking.post(PATH, content=posted.body, headers=dict(posted.headers))
    return answer.status_code


async def test_signed_call_rings_the_session_it_names_once(stack: Stack) -> None:
    """A delivery that is repeated is the same; one about work that begins is no news."""
    first = now_signed(Scheme.STANDARD, "msg_1", event())
    begins = now_signed(Scheme.STANDARD, "msg_2", event("session.status_run_started"))
    other = now_signed(Scheme.STANDARD, "msg_3", event(session="sesn_2"))
    bell = Bell(stack.store, BELL)
    async with served(taking(stack)) as asking, listening(bell):
        heard = [
            (await post(asking, posted), await bell.rung())
            for posted in (begins, other, first, first)
        ]
        assert heard == [(200, False), (200, False), (202, True), (202, False)]
        assert await stack.store.list_refs("bells") == [BELL]
    assert await stack.store.list_refs("bells") == []


async def test_call_that_is_not_signed_lately_by_its_provider_rings_nothing(stack: Stack) -> None:
    """Altered, of another secret, old, or not signed: one answer for all of them."""
    good = now_signed(Scheme.STANDARD, "msg_1", event())
    forged = [
        good.but(body=good.body.replace(b"idled", b"idlee")),
        good.but(webhook_id="msg_2"),
        good.but(webhook_signature=None),
        standard("msg_1", good.body, int(good.headers["webhook-timestamp"]), b"x" * 32),
        standard("msg_1", good.body, int(good.headers["webhook-timestamp"]) - 400),
    ]
    bell = Bell(stack.store, BELL)
    async with served(taking(stack)) as asking, listening(bell):
        assert [await post(asking, each) for each in forged] == [401] * len(forged)
        assert not await bell.rung()


async def test_kind_that_is_not_declared_has_no_door(stack: Stack) -> None:
    """As an address that was not given out: nothing says what there is."""
    posted = now_signed(Scheme.STANDARD, "msg_1", event())
    async with served(replace(taking(stack), doors=Doors())) as asking:
        assert await post(asking, posted) == 404
        unknown = await asking.post("/callbacks/unknown", content=b"{}")
        assert (unknown.status_code, unknown.content) == (404, b"")


async def test_call_at_an_address_of_a_run_wakes_that_run_alone(stack: Stack) -> None:
    """What an answer is posted to wakes nobody, and what wakes takes no answer."""
    gateway = taking(stack)
    callbacks = gateway.callbacks
    assert callbacks is not None
    wake, answer = callbacks.waking_address(INBOX), callbacks.address(INBOX)
    bell = Bell(stack.store, run_bell(INBOX))
    async with served(gateway) as asking:
        assert (await asking.post(wake, content=b"x")).status_code == 200  # nobody waits
        async with listening(bell):
            for wrong in (
                wake[:-1] + ("0" if wake[-1] != "0" else "1"),
                wake.replace("/wake", ""),
                answer.replace("/callbacks/", "/callbacks/wake/"),
            ):
                assert (await asking.post(wrong, content=b"{}")).status_code == 404
            assert not await bell.rung()
            for _ in range(2):
                assert (await asking.post(wake, content=b"{}")).status_code == 202
                assert await bell.rung()
    assert await stack.store.list_refs("callbacks") == []
