"""`kill -9` of a worker at every delicate moment: another goes on, nothing is repeated."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHandle

from rota.failures import FailureCategory
from rota.runs import AgentRunResult, RunStatus
from tests.fakes.anthropic_answers import Answer, Hang, text
from tests.fakes.anthropic_server import AnthropicFake
from tests.processes.worker_process import kill, worker_process
from tests.stack import Stack, open_stack, script
from tests.workflows.claude import claude, ending_of, events_of, retried_step
from workers.devserver import DevServer

ANSWER = Answer((text("Done."),))
TOOLS = '''
import time

from rota.tools import ToolContext, tool


def act(context):
    """Leave a mark, then wait for the test."""
    with (context.fleet / f"effects-{context.agent}").open("a") as effects:
        effects.write(context.idempotency_key + "\\n")
    while (context.fleet / "hold").exists():
        time.sleep(0.02)
    return "done"


@tool(name="books.match", effect="idempotent")
def match(context: ToolContext) -> str:
    """Match; doing it again with the same key changes nothing."""
    return act(context)


@tool(name="books.post", effect="write")
def post(context: ToolContext) -> str:
    """Post; doing it again posts again."""
    return act(context)
'''


@pytest.fixture
async def fake() -> AsyncIterator[AnthropicFake]:
    """A fake Claude API that lets go of hanging requests at the end."""
    async with AnthropicFake() as running:
        yield running
        running.release()


def effects(stack: Stack, name: str) -> list[str]:
    """Idempotency keys of the effects an agent's tool has had, in order."""
    path = stack.folder / f"effects-{name}"
    return path.read_text().splitlines() if path.exists() else []


async def marked(stack: Stack, *names: str) -> None:
    """Wait until a tool of each agent has begun its effect."""
    async with asyncio.timeout(20):
        while True:
            if all(effects(stack, name) for name in names):
                return
            await asyncio.sleep(0.02)


async def has_begun(run: WorkflowHandle[Any, Any]) -> None:
    """Wait until a worker has taken a step of the run."""
    async with asyncio.timeout(20):
        while True:
            steps = (await run.describe()).raw_description.pending_activities
            if any(step.HasField("last_started_time") for step in steps):
                return
            await asyncio.sleep(0.05)


async def test_worker_killed_during_a_turn_another_goes_on_in_seconds(
    stack: Stack, fake: AnthropicFake
) -> None:
    """The turn is asked again within 5 s; the attempt that may be billed is counted."""
    name = stack.name("thinker")
    fake.add(Hang())
    fake.say("Done.")
    async with worker_process(stack) as first:
        await stack.declare(name, runtime=claude(stack, fake))
        handle = await stack.start(name, f"{name}-1")
        await fake.requests_arrived(1)
        async with worker_process(stack):
            kill(first)
            killed_at = datetime.now(UTC)
            result = await handle.result()
            step = retried_step(await events_of(handle))
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, "Done.")
    assert result.usage.unknown_attempts == 1
    assert len(fake.requests) == 2
    # At most 4 s of heartbeat timeout; the rest is room for a busy machine.
    assert step.started_at - killed_at < timedelta(seconds=5)


@pytest.mark.soak
async def test_worker_killed_is_missed_as_late_as_its_agent_says(stack: Stack) -> None:
    """Between 5 s and `lost_after`; and a turn that takes longer is not taken for lost."""
    name = stack.name("thinker")
    turn = {"result": "done", "seconds": 14}
    async with worker_process(stack) as first:
        await stack.declare(name, runtime=script(turn), retry={"lost_after": "12s"})
        handle = await stack.start(name, f"{name}-1")
        await has_begun(handle)
        async with worker_process(stack):
            kill(first)
            killed_at = datetime.now(UTC)
            result = await handle.result()
    step = retried_step(await events_of(handle))
    assert (result.output, step.attempt) == ("done", 2)
    assert timedelta(seconds=5) < step.started_at - killed_at < timedelta(seconds=12)


async def test_worker_killed_during_tools_repeats_only_what_may_be_repeated(stack: Stack) -> None:
    """An idempotent call is made again with the same key; a write is not, and says so."""
    (stack.folder / "tools.py").write_text(TOOLS)
    hold = stack.folder / "hold"
    hold.touch()
    matcher, poster = stack.name("matcher"), stack.name("poster")
    async with worker_process(stack) as first:
        for name, tool in ((matcher, "books.match"), (poster, "books.post")):
            runtime = script({"calls": [{"tool": tool}]}, {"result": "done"})
            fails = {"on_unknown": "fail"}
            await stack.declare(name, runtime=runtime, tools=[tool], effects=fails)
        matching = await stack.start(matcher, f"{matcher}-1")
        posting = await stack.start(poster, f"{poster}-1")
        await marked(stack, matcher, poster)
        kill(first)
    hold.unlink()
    async with worker_process(stack):
        matched: AgentRunResult = await matching.result()
        ending = await ending_of(posting)
    assert matched.status is RunStatus.SUCCEEDED
    first_key, second_key = effects(stack, matcher)
    assert first_key == second_key
    assert ending.result.category is FailureCategory.OUTCOME_UNKNOWN
    assert "books.post was started and its worker lost" in ending.message
    assert len(effects(stack, poster)) == 1


async def test_worker_dead_around_recording_a_reply_pays_once_or_counts_it(
    server: DevServer, tmp_path: Path
) -> None:
    """A recorded reply is never paid for again; an unrecorded one is, and is counted."""

    async def requests_and_unknown(moment: str) -> tuple[int, int]:
        stack = await open_stack(server.address, tmp_path / moment)
        name = stack.name("thinker")
        async with AnthropicFake(lambda request: ANSWER) as fake:
            dying_command = ("tests.processes.dying_worker", moment)
            async with worker_process(stack, dying_command) as dying:
                await stack.declare(name, runtime=claude(stack, fake))
                handle = await stack.start(name, f"{name}-1")
                assert await asyncio.to_thread(dying.wait, 30) == 137
            async with worker_process(stack):
                result = await handle.result()
        assert (result.status, result.output) == (RunStatus.SUCCEEDED, "Done.")
        return len(fake.requests), result.usage.unknown_attempts

    after, before = await asyncio.gather(*map(requests_and_unknown, ("after", "before")))
    assert after == (1, 0)
    assert before == (2, 1)
