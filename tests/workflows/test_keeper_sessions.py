"""Sessions on the real server: one at a time, in order, whoever vanishes."""

import asyncio

import pytest

from rota.ids import keeper_id
from rota.keepers.admission import MemoryChange, Settled
from rota.runs import RunStatus
from rota.tools import tool
from rota.turns.memory import MemoryVersion
from tests.stack import Stack, script
from tests.workflows.gates import GATED, Gate, until, waiting
from tests.workflows.watched import look_often


@tool(name="count.next")
def count_next(n: int) -> int:
    """Count one further."""
    return n + 1


COUNTING = script(
    {"calls": [{"tool": "count.next", "args": {"n": "{memory.counter|0}"}}]},
    {
        "calls": [
            {"tool": "memory.update", "args": {"patch": {"counter": "{results.count_next}"}}},
            {"tool": "gate.pass"},
        ]
    },
    {"result": "{results.count_next}"},
)
COUNTING_TOOLS = ["count.next", "memory.update", "gate.pass"]


async def memory_of(stack: Stack, agent: str, session: str = "default") -> list[MemoryVersion]:
    """All versions of a memory, newest first."""
    head = (await stack.keeper(agent)).session(session).memory
    versions: list[MemoryVersion] = []
    while head is not None:
        versions.append(MemoryVersion.model_validate_json(await stack.store.get(head)))
        head = versions[-1].parent
    return versions


async def test_queued_runs_go_in_order_and_each_sees_the_memory_of_the_one_before(
    stack: Stack,
) -> None:
    """Six runs of one session: first in, first out, and no update of six is lost (I5)."""
    name, gate = stack.name("counter"), Gate()
    async with stack.worker([count_next, gate.tool]):
        await stack.declare(name, runtime=COUNTING, tools=COUNTING_TOOLS)
        runs = [await stack.start(name, f"{name}-0")]
        await gate.reached.wait()
        for number in range(1, 6):
            runs.append(await stack.start(name, f"{name}-{number}"))
            await until(stack, name, waiting(number))
        described = await runs[-1].query("status")
        gate.opened.set()
        results = await asyncio.gather(*(run.result() for run in runs))
        versions = await memory_of(stack, name)
        state = await stack.keeper(name)
    assert described["status"] == "queued"
    assert [result.output for result in results] == list("123456")
    assert [version.document["counter"] for version in versions] == [6, 5, 4, 3, 2, 1]
    assert [version.version for version in versions] == [6, 5, 4, 3, 2, 1]
    settled = sorted(state.ledger.values(), key=lambda entry: entry.settled_at or entry.admitted_at)
    assert [entry.run.id for entry in settled if entry.run] == [run.id for run in runs]
    assert state.session("default").holder is None


async def test_skip_session_skips_the_second_run_and_says_why(stack: Stack) -> None:
    """A run that may not wait closes at once as skipped, as a result and in the ledger."""
    name, gate = stack.name("skipper"), Gate()
    async with stack.worker([gate.tool]):
        await stack.declare(name, **GATED, session={"concurrency": "skip"})
        holder = await stack.start(name, f"{name}-1")
        await gate.reached.wait()
        skipped = await stack.run(name, f"{name}-2")
        gate.opened.set()
        await holder.result()
        after = await stack.run(name, f"{name}-3")
        state = await stack.keeper(name)
    assert skipped.status is RunStatus.SKIPPED
    assert skipped.reason == f"session 'default' is held by {name}-1"
    assert after.status is RunStatus.SUCCEEDED
    assert [entry.status.value for entry in state.ledger.values()] == [
        "succeeded",
        "skipped",
        "succeeded",
    ]


async def test_sessions_of_different_keys_work_at_once(stack: Stack) -> None:
    """A held session holds up no other."""
    name, gate = stack.name("keyed"), Gate()
    async with stack.worker([gate.tool]):
        await stack.declare(name, **GATED, session={"key": "{input.account}"})
        first = await stack.start(name, f"{name}-1", input={"account": "x"})
        await gate.reached.wait()
        gate.reached.clear()
        second = await stack.start(name, f"{name}-2", input={"account": "y"})
        await gate.reached.wait()
        state = await stack.keeper(name)
        gate.opened.set()
        results = await asyncio.gather(first.result(), second.result())
    holders = {key: s.holder.id for key, s in state.sessions.items() if s.holder}
    assert holders == {"x": f"{name}-1", "y": f"{name}-2"}
    assert [result.session for result in results] == ["x", "y"]


async def test_parallel_sessions_lose_no_memory_update(stack: Stack) -> None:
    """Eight runs start from one version and settle at once; every patch survives (I5)."""
    name, gate = stack.name("parallel"), Gate()
    runtime = script(
        {
            "calls": [
                {"tool": "memory.update", "args": {"patch": "{input.patch}"}},
                {"tool": "gate.pass"},
            ]
        },
        {"result": "done"},
    )
    async with stack.worker([gate.tool]):
        await stack.declare(
            name,
            runtime=runtime,
            tools=["memory.update", "gate.pass"],
            session={"concurrency": "parallel"},
        )
        runs = [
            await stack.start(name, f"{name}-{n}", input={"patch": {f"k{n}": n}}) for n in range(8)
        ]
        await until(stack, name, lambda state: len(state.ledger) == 8)
        gate.opened.set()
        results = await asyncio.gather(*(run.result() for run in runs))
        versions = await memory_of(stack, name)
    assert {result.status for result in results} == {RunStatus.SUCCEEDED}
    assert versions[0].document == {f"k{n}": n for n in range(8)}
    assert [version.version for version in versions] == list(range(8, 0, -1))
    assert {version.author for version in versions} == {run.id for run in runs}


async def test_memory_changed_by_hand_during_a_run_keeps_both_changes(stack: Stack) -> None:
    """A person's change is compare-and-set; the run's patch is laid over it, in one chain."""
    name, gate = stack.name("edited"), Gate()
    async with stack.worker([count_next, gate.tool]):
        await stack.declare(name, runtime=COUNTING, tools=COUNTING_TOOLS)
        running = await stack.start(name, f"{name}-1")
        await gate.reached.wait()
        version = MemoryVersion.model_validate(
            {"document": {"note": "by hand"}, "author": "person", "at": "2026-11-22T06:00:00Z"}
        )
        digest = await stack.store.put(version.model_dump_json().encode())
        keeper = stack.client.get_workflow_handle(keeper_id(name))
        change = MemoryChange(session="default", base=None, memory=digest)
        done = await keeper.execute_update("change_memory", change, result_type=Settled)
        again = change.model_copy(update={"memory": "f" * 64})
        refused = await keeper.execute_update("change_memory", again, result_type=Settled)
        gate.opened.set()
        result = await running.result()
        versions = await memory_of(stack, name)
    assert (done.conflict, refused.conflict, refused.memory) == (False, True, digest)
    assert result.status is RunStatus.SUCCEEDED
    assert versions[0].document == {"note": "by hand", "counter": 1}
    assert [v.author for v in versions] == [f"{name}-1", "person"]


async def test_terminated_holder_is_reclaimed_and_the_next_one_goes_on(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits for a run that was ended by force waits no longer than the interval."""
    look_often(monkeypatch)
    name, gate = stack.name("bereaved"), Gate()
    async with stack.worker([gate.tool]):
        await stack.declare(name, **GATED)
        holder = await stack.start(name, f"{name}-1")
        await gate.reached.wait()
        waiter = await stack.start(name, f"{name}-2")
        await until(stack, name, waiting(1))
        await holder.terminate("by force")
        gate.opened.set()
        async with asyncio.timeout(10):
            result = await waiter.result()
        state = await stack.keeper(name)
    assert result.status is RunStatus.SUCCEEDED
    assert [(e.status.value, e.reason) for e in state.ledger.values()] == [
        ("failed", "the run was gone: lease reclaimed"),
        ("succeeded", ""),
    ]


async def test_terminated_waiter_is_passed_over(stack: Stack) -> None:
    """A run that was ended while it waited holds nobody up."""
    name, gate = stack.name("patient"), Gate()
    async with stack.worker([gate.tool]):
        await stack.declare(name, **GATED)
        holder = await stack.start(name, f"{name}-1")
        await gate.reached.wait()
        gone = await stack.start(name, f"{name}-2")
        await until(stack, name, waiting(1))
        last = await stack.start(name, f"{name}-3")
        await until(stack, name, waiting(2))
        await gone.terminate("by force")
        gate.opened.set()
        results = await asyncio.gather(holder.result(), last.result())
        state = await stack.keeper(name)
    assert {result.status for result in results} == {RunStatus.SUCCEEDED}
    assert [entry.status.value for entry in state.ledger.values()] == [
        "succeeded",
        "failed",
        "succeeded",
    ]
