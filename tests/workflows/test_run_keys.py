"""One key, one run: whatever else has the same key gets its end. On the real server."""

import asyncio
from typing import Any

import pytest

from rota.failures import FailureCategory
from rota.runs import RunStatus
from rota.tools import tool
from tests.stack import Stack, script
from tests.workflows.claude import ending_of
from tests.workflows.gates import GATED, Gate
from tests.workflows.standing import waits
from tests.workflows.watched import look_often

KEYED: dict[str, Any] = {"dedupe": "{input.sha}", "session": {"concurrency": "parallel"}}
TWENTY = 20


async def test_runs_of_one_key_started_at_once_do_the_work_once(stack: Stack) -> None:
    """Twenty triggers meet: one works, and all twenty tell the same result."""
    gate, name = Gate(), stack.name("review")
    async with stack.worker([gate.tool]):
        await stack.declare(name, **GATED, **KEYED)
        input = {"sha": "c0ffee"}
        starting = (stack.start(name, f"{name}-{n}", input=input) for n in range(TWENTY))
        runs = await asyncio.gather(*starting)
        await gate.reached.wait()
        gate.opened.set()
        results = await asyncio.gather(*(run.result() for run in runs))
        state = await stack.keeper(name)
    worked = [result for result in results if result.status is RunStatus.SUCCEEDED]
    joined = [result for result in results if result.status is RunStatus.SKIPPED]
    assert (len(worked), len(joined)) == (1, TWENTY - 1)
    assert {result.output for result in results} == {"done"}
    assert {result.output_digest for result in results} == {worked[0].output_digest}
    assert all(worked[0].run_id in result.reason for result in joined)
    assert sum(result.turns for result in results) == worked[0].turns
    assert all(entry.status.closed for entry in state.ledger.values())


async def test_run_of_a_key_that_was_done_hands_its_result_on(stack: Stack) -> None:
    """Whoever comes later gets the result without work; another key is other work."""
    name = stack.name("review")
    async with stack.worker():
        await stack.declare(name, runtime=script({"result": "of {input.sha}"}), **KEYED)
        first = await stack.run(name, f"{name}-1", input={"sha": "one"})
        again = await stack.run(name, f"{name}-2", input={"sha": "one"})
        other = await stack.run(name, f"{name}-3", input={"sha": "two"})
    assert (again.status, again.turns, again.output) == (RunStatus.SKIPPED, 0, first.output)
    assert again.output_digest == first.output_digest
    assert f"{name}-1" in again.reason
    assert (other.status, other.output) == (RunStatus.SUCCEEDED, "of two")


async def test_run_that_joins_shows_whom_it_waits_for(stack: Stack) -> None:
    """It is queued, and names the run that works."""
    gate, name = Gate(), stack.name("review")
    async with stack.worker([gate.tool]):
        await stack.declare(name, **GATED, **KEYED)
        first = await stack.start(name, f"{name}-1", input={"sha": "one"})
        await gate.reached.wait()
        second = await stack.start(name, f"{name}-2", input={"sha": "one"})
        (told,) = await waits(second, RunStatus.QUEUED)
        gate.opened.set()
        await asyncio.gather(first.result(), second.result())
    assert f"{name}-1" in told


async def test_runs_that_joined_one_that_failed_fail_as_it_did(stack: Stack) -> None:
    """The same category, and a reason that names the run; the key is free again."""
    gate, name = Gate(), stack.name("review")
    broken = [True]

    @tool(name="books.post", effect="write")
    def post() -> str:
        """Post once."""
        if broken:
            raise RuntimeError("the books are closed")
        return "posted"

    turns = {"calls": [{"tool": "gate.pass"}]}, {"calls": [{"tool": "books.post"}]}
    async with stack.worker([gate.tool, post]):
        runtime = script(*turns, {"result": "done"})
        fails = {"on_unknown": "fail"}
        tools = ["gate.pass", "books.post"]
        await stack.declare(name, runtime=runtime, tools=tools, effects=fails, **KEYED)
        runs = [await stack.start(name, f"{name}-1", input={"sha": "one"})]
        await gate.reached.wait()
        runs += [await stack.start(name, f"{name}-{n}", input={"sha": "one"}) for n in (2, 3)]
        await asyncio.gather(*(waits(run, RunStatus.QUEUED) for run in runs[1:]))
        gate.opened.set()
        endings = [await ending_of(run) for run in runs]
        broken.clear()
        later = await stack.run(name, f"{name}-4", input={"sha": "one"})
    assert [ending.result.category for ending in endings] == [FailureCategory.OUTCOME_UNKNOWN] * 3
    assert [ending.result.status for ending in endings] == [RunStatus.FAILED] * 3
    assert all(f"{name}-1" in ending.result.reason for ending in endings[1:])
    assert later.status is RunStatus.SUCCEEDED


async def test_runs_that_joined_one_that_was_terminated_fail_clean(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that cannot report its end is found out, and nobody waits for ever."""
    look_often(monkeypatch)
    gate, name = Gate(), stack.name("review")
    async with stack.worker([gate.tool]):
        await stack.declare(name, **GATED, **KEYED)
        first = await stack.start(name, f"{name}-1", input={"sha": "one"})
        await gate.reached.wait()
        second = await stack.start(name, f"{name}-2", input={"sha": "one"})
        await waits(second, RunStatus.QUEUED)
        await first.terminate()
        async with asyncio.timeout(20):
            ending = await ending_of(second)
        gate.opened.set()
    assert ending.result.status is RunStatus.FAILED
    assert f"{name}-1" in ending.result.reason


async def test_run_that_joined_is_cancelled_and_the_other_works_on(stack: Stack) -> None:
    """Leaving is nobody's loss."""
    gate, name = Gate(), stack.name("review")
    async with stack.worker([gate.tool]):
        await stack.declare(name, **GATED, **KEYED)
        first = await stack.start(name, f"{name}-1", input={"sha": "one"})
        await gate.reached.wait()
        second = await stack.start(name, f"{name}-2", input={"sha": "one"})
        await waits(second, RunStatus.QUEUED)
        await second.cancel()
        await asyncio.gather(second.result(), return_exceptions=True)
        state = await stack.keeper(name)
        gate.opened.set()
        result = await first.result()
    statuses = {entry.run.id: entry.status for entry in state.ledger.values() if entry.run}
    assert statuses == {f"{name}-1": RunStatus.RUNNING, f"{name}-2": RunStatus.CANCELLED}
    assert [key.waiters for key in state.keys.values()] == [()]
    assert result.status is RunStatus.SUCCEEDED
