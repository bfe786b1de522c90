"""One run per key on the real server: all who share it get its end, whoever vanishes."""

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from rota.keepers.state import KeeperState
from rota.runs import AgentRunResult, RunStatus
from tests.stack import Stack
from tests.workflows.gates import GATED, Gate, until
from tests.workflows.watched import look_often

KEYED: dict[str, Any] = {
    **GATED,
    "dedupe": "{input.sha}",
    "session": {"concurrency": "parallel"},
}
A: dict[str, Any] = {"input": {"sha": "a"}}


def sharing(count: int) -> Any:
    """True of a keeper in which so many runs wait for the end of another."""

    def seen(state: KeeperState) -> bool:
        return sum(len(key.waiters) for key in state.keys.values()) == count

    return seen


async def test_twenty_triggers_of_one_key_are_one_run_and_twenty_equal_answers(
    stack: Stack,
) -> None:
    """However they meet, one works; later ones are answered from memory."""
    name, gate = stack.name("review"), Gate()
    async with stack.worker([gate.tool]):
        await stack.declare(name, **KEYED)
        runs = [await stack.start(name, f"{name}-{number}", **A) for number in range(20)]
        await until(stack, name, sharing(19))
        gate.opened.set()
        results: list[AgentRunResult] = await asyncio.gather(*(run.result() for run in runs))
        late = await stack.run(name, f"{name}-late", **A)
        other = await stack.run(name, f"{name}-other", input={"sha": "b"})
        state = await stack.keeper(name)
    worked = [result for result in results if result.status is RunStatus.SUCCEEDED]
    assert len(worked) == 1
    assert [result.output for result in [*results, late]] == ["done"] * 21
    assert {result.status for result in [*results, late]} == {
        RunStatus.SUCCEEDED,
        RunStatus.SKIPPED,
    }
    assert late.reason.startswith(f"already done by {worked[0].run_id}")
    assert other.status is RunStatus.SUCCEEDED
    assert sharing(0)(state)
    assert state.outcomes == ()


async def test_end_of_a_terminated_run_goes_to_all_who_share_its_key(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for a run that is gone; the key is free for the next trigger."""
    look_often(monkeypatch)
    name, gate = stack.name("review"), Gate()
    async with stack.worker([gate.tool]):
        await stack.declare(name, **KEYED)
        holder = await stack.start(name, f"{name}-0", **A)
        await gate.reached.wait()
        joined = [await stack.start(name, f"{name}-{number}", **A) for number in (1, 2)]
        await until(stack, name, sharing(2))
        await holder.terminate("by force")
        ends = await asyncio.gather(*(run.result() for run in joined), return_exceptions=True)
        gate.opened.set()
        after = await stack.run(name, f"{name}-after", **A)
    assert all(isinstance(end, WorkflowFailureError) for end in ends)
    assert after.status is RunStatus.SUCCEEDED


async def test_terminated_sharer_is_freed_and_the_others_are_told(stack: Stack) -> None:
    """A run that was ended while it waited for a key holds nobody up and stays in no queue."""
    name, gate = stack.name("review"), Gate()
    async with stack.worker([gate.tool]):
        await stack.declare(name, **KEYED)
        holder = await stack.start(name, f"{name}-0", **A)
        await gate.reached.wait()
        gone, there = [await stack.start(name, f"{name}-{number}", **A) for number in (1, 2)]
        await until(stack, name, sharing(2))
        await gone.terminate("by force")
        gate.opened.set()
        await holder.result()
        result = await there.result()
        state = await until(
            stack, name, lambda state: all(e.status.closed for e in state.ledger.values())
        )
    assert (result.status, result.output) == (RunStatus.SKIPPED, "done")
    statuses = {entry.run.id: entry.status for entry in state.ledger.values() if entry.run}
    assert statuses[gone.id] is RunStatus.FAILED
