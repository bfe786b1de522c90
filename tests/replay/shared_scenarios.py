"""Agents that wait for, call and tell one another, to be recorded."""

import asyncio
from datetime import UTC, datetime

from rota.coordination.spec import SubscriptionSpec
from rota.ids import event_run_id, handoff_run_id, keeper_id, lock_id, topic_id
from rota.keepers.state import KeeperState
from rota.runs import RunStatus
from rota.topics.topic import Published, Subscriber
from schedules.subscriptions import subscribe
from tests.pipelines import worker_of
from tests.replay.pipeline_scenarios import executions
from tests.replay.scenarios import DONE, SLOW, Recording, Scenario, ended
from tests.stack import Stack
from tests.workflows.gates import GATED, Gate, until
from tests.workflows.handing import asks, declare_caller
from tests.workflows.standing import waits
from tests.workflows.topics import PATIENCE

GATE = Gate()
PARALLEL = {"session": {"concurrency": "parallel"}}
AT = "2026-11-22T06:00:00Z"


async def needs(stack: Stack) -> list[Recording]:
    """A need that waits, has a failed slot run again, and is met; one that is given up."""
    await stack.declare("source", **worker_of("source"))
    await stack.declare("idle", runtime=DONE)
    at = datetime.now(UTC).replace(microsecond=0).isoformat()
    need = {"agent": "source", "deadline": "5m", "not_before": "1s"}
    again = {"rerun": 1, "backoff": "500ms"}
    await stack.declare("reader", runtime=DONE, needs=[{**need, "on_failure": again}])
    reader = await stack.start("reader", "reader-1", slot=at)
    await waits(reader)
    await ended(await stack.start("source", "source-1", slot=at))
    await reader.result()
    hopeless = {"agent": "idle", "deadline": "1s", "otherwise": "skip"}
    await stack.declare("hopeless", runtime=DONE, needs=[hopeless])
    await (await stack.start("hopeless", "hopeless-1")).result()
    return [
        Recording("run-need-met-by-a-rerun", "reader-1"),
        Recording("run-need-given-up", "hopeless-1"),
        *await executions(stack, "keeper-needed", keeper_id("source")),
    ]


async def keys(stack: Stack) -> list[Recording]:
    """A run that joins the one of its key, and one that comes when that is done."""
    gate = _shut()
    await stack.declare("keyed", **GATED, **PARALLEL, dedupe="{input.sha}")
    sha = {"sha": "c0ffee"}
    first = await stack.start("keyed", "keyed-1", input=sha)
    await gate.reached.wait()
    second = await stack.start("keyed", "keyed-2", input=sha)
    await waits(second, RunStatus.QUEUED)
    gate.opened.set()
    await asyncio.gather(first.result(), second.result())
    await stack.run("keyed", "keyed-3", input=sha)
    return [
        Recording("run-joined", "keyed-2"),
        Recording("run-key-done", "keyed-3"),
        *await executions(stack, "keeper-keys", keeper_id("keyed")),
    ]


async def locks(stack: Stack) -> list[Recording]:
    """A run that gets its lock after a wait, and one whose wait is over before."""
    gate = _shut()
    await stack.declare("posting", **GATED, **PARALLEL, locks=["books"])
    await stack.declare("hasty", runtime=DONE, locks=[{"name": "books", "wait": "1s"}])
    first = await stack.start("posting", "posting-1")
    await gate.reached.wait()
    second = await stack.start("posting", "posting-2")
    await waits(second)
    await ended(await stack.start("hasty", "hasty-1"))
    gate.opened.set()
    await asyncio.gather(first.result(), second.result())
    return [
        Recording("run-lock-after-a-wait", "posting-2"),
        Recording("run-lock-refused", "hasty-1"),
        *await executions(stack, "lock", lock_id("books")),
    ]


async def handoffs(stack: Stack) -> list[Recording]:
    """A call that is answered, one whose caller is cancelled, and a transfer."""
    await stack.declare("helper", runtime=DONE)
    await stack.declare("endless", runtime=SLOW)
    await declare_caller(stack, "caller", "helper")
    await stack.run("caller", "caller-1")
    await declare_caller(stack, "giving-up", "endless")
    cancelled = await stack.start("giving-up", "giving-up-1")
    called = handoff_run_id("giving-up-1", "endless", 1, 0)
    await until(stack, "endless", lambda state: bool(state.ledger))
    await cancelled.cancel()
    await ended(cancelled)
    await declare_caller(
        stack,
        "leaving",
        "helper",
        call=asks("helper", transfer=True),
        tools=["agents.helper.transfer"],
    )
    await stack.run("leaving", "leaving-1")
    return [
        Recording("run-call", "caller-1"),
        Recording("run-called", handoff_run_id("caller-1", "helper", 1, 0)),
        Recording("run-call-cancelled", "giving-up-1"),
        Recording("run-called-cancelled", called),
        Recording("run-transfer", "leaving-1"),
    ]


async def events(stack: Stack) -> list[Recording]:
    """A run's event, told to its topic and delivered; one published by hand."""
    await stack.declare("listener", runtime=DONE, **PARALLEL)
    subscriber = Subscriber(
        name="listener",
        fleet="test",
        task_queue=stack.task_queue,
        subscription=SubscriptionSpec(event="teller.done"),
    )
    await subscribe(stack.client, subscriber, "teller.done", PATIENCE)
    await stack.declare("teller", runtime=DONE, emits=["teller.done"])
    await stack.run("teller", "teller-1", slot=AT)
    topic = stack.client.get_workflow_handle(topic_id("teller.done"))
    by_hand = {"id": "by-hand", "payload": {"n": 1}}
    published = await topic.execute_update("publish", by_hand, result_type=Published)
    await topic.signal("publish", by_hand)
    await until(stack, "listener", lambda state: _succeeded(state) == 2)
    return [
        Recording("run-telling", "teller-1"),
        Recording("run-of-an-event", event_run_id("listener", published.id)),
        *await executions(stack, "topic", topic_id("teller.done")),
    ]


async def backfill(stack: Stack) -> list[Recording]:
    """Three slots, two at a time, one of them done before; one place for all runs."""
    await stack.declare("filled", runtime=DONE, **PARALLEL, limits={"parallel": 1})
    slots = [f"2026-11-22T0{hour}:00:00Z" for hour in (6, 7, 8)]
    await stack.run("filled", "filled-1", slot=slots[0])
    asked = {"id": "b1", "slots": slots, "max_parallel": 2}
    await stack.client.get_workflow_handle(keeper_id("filled")).execute_update("backfill", asked)
    await until(stack, "filled", lambda state: not state.orders and state.backfills[-1].done == 3)
    return await executions(stack, "keeper-backfill", keeper_id("filled"))


def _shut() -> Gate:
    """The gate of the recording's worker, closed for another scenario."""
    GATE.reached.clear()
    GATE.opened.clear()
    return GATE


def _succeeded(state: KeeperState) -> int:
    return sum(entry.status is RunStatus.SUCCEEDED for entry in state.ledger.values())


TOOLS = (GATE.tool,)
SCENARIOS: tuple[Scenario, ...] = (needs, keys, locks, handoffs, events, backfill)
