"""What one run costs whoever keeps it: events, bytes, actions, writes, requests, CPU.

The figures that docs/scale.md reckons with. One run after another, as those of an agent on a
schedule: runs at once share workflow tasks of their keeper, and so cost less. The server is a
single process on SQLite; how often it writes does not depend on the database.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import process_time

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleIntervalSpec,
    ScheduleSpec,
    ScheduleState,
)

from activities.runtimes.open import OpenRuntimes
from activities.stores.cache import CachedStore
from activities.stores.local import LocalStore
from rota.ids import TASK_QUEUE, keeper_id
from tests.bench.arena import finish
from tests.bench.counting import CountingStore, read_metrics, summed
from tests.bench.measures import Effort, Measure, progress
from tests.bench.serve import resources
from tests.bench.workload import AGENT, MAKERS, Plan, look_up
from tests.stack import Stack
from workers.connection import connect
from workers.devserver import DevServer, dev_server
from workers.settings import Settings

AGENT_NAME = "bench-account"
PLANS = (Plan(turns=1, calls=0), Plan(turns=3, calls=2), Plan(turns=10, calls=9))
"""A tool call in each turn but the last, which answers."""
SLOW = Plan(turns=1, calls=0, seconds=20)
"""As long as a model may think: heartbeats are billed."""
LOST_AFTER = "60s"
"""Of the agent whose runs send fewer of them."""
SETTLE_SECONDS = 4.0
"""The server adds to its metrics about once a second."""
CLUSTERS_SCHEDULER = (
    "history.enableCHASMSchedulerCreation=false",
    "history.chasmSchedulerCreationRolloutPercent=0",
)
"""The scheduler that clusters and Temporal Cloud have by default; `rota dev` has the newer one."""
SHARED = (
    "GetTimerTasks",
    "GetTransferTasks",
    "GetVisibilityTasks",
    "RangeComplete",
    "GetNamespace",
)
"""What a shard does for all its runs together, however many there are."""
OF_A_RUN = (
    "Create",
    "Update",
    "Append",
    "Add",
    "Delete",
    "GetWorkflow",
    "GetCurrent",
    "ReadHistory",
)


@dataclass(frozen=True)
class Bill:
    """What the runs of one plan cost, each."""

    name: str
    events: float
    """In the run's own history."""
    size: float
    """Bytes of it."""
    keeper_events: float
    keeper_size: float
    actions: Counter[str]
    """Of all runs of the plan, by kind, as Temporal Cloud bills them."""
    runs: int
    writes: float
    """Of workflow state and history, in the server's database."""
    reads: float
    visibility: float
    """Writes of what lists and searches read."""
    puts: float
    gets: float
    stored: float
    """Bytes put into the object store."""
    worker_cpu: float
    """Seconds; whoever starts the runs included."""
    server_cpu: float

    @property
    def billed(self) -> float:
        """Actions of one run."""
        return self.actions.total() / self.runs

    @property
    def row(self) -> str:
        """As docs/scale.md has it."""
        cells = (
            self.name,
            f"{self.events:.0f}",
            f"{self.size / 1024:.1f}",
            f"{self.keeper_events:.0f}",
            f"{self.keeper_size / 1024:.1f}",
            f"{self.billed:.0f}",
            f"{self.writes:.0f}",
            f"{self.reads:.0f}",
            f"{self.visibility:.0f}",
            f"{self.puts:.0f}",
            f"{self.gets:.0f}",
            f"{self.stored / 1024:.1f}",
            f"{self.worker_cpu * 1000:.0f}",
            f"{self.server_cpu * 1000:.0f}",
        )
        return f"| {' | '.join(cells)} |"


async def measure(folder: Path, effort: Effort) -> list[Measure]:
    """Bill runs of three lengths, and what a schedule adds to each."""
    runs = effort.scaled(20, 3)
    async with dev_server(
        database=folder / "temporal.db", extra_config=CLUSTERS_SCHEDULER
    ) as server:
        counting = CountingStore(LocalStore(folder / "store"))
        store = CachedStore(counting)
        client = await connect(Settings.read(folder, store="none", address=server.address), store)
        stack = Stack(server.address, folder, store, client, TASK_QUEUE, OpenRuntimes(MAKERS))
        till = _Till(server, stack, counting)
        async with stack.worker([look_up]):
            await stack.declare(AGENT_NAME, **AGENT)
            bills = [await _of_plan(till, plan, runs) for plan in PLANS]
            bills.append(await _of_plan(till, SLOW, effort.scaled(3, 1)))
            bills.append(await _scheduled(till, effort.scaled(10, 3)))
            await stack.declare(AGENT_NAME, **AGENT, retry={"lost_after": LOST_AFTER})
            seldom = f", lost_after: {LOST_AFTER}"
            bills.append(await _of_plan(till, SLOW, effort.scaled(3, 1), seldom))
    print("\n".join(bill.row for bill in bills), flush=True)
    return [_line(bill) for bill in bills]


def _line(bill: Bill) -> Measure:
    kinds = ", ".join(f"{count / bill.runs:g} {kind}" for kind, count in bill.actions.most_common())
    return Measure(f"billable actions of {bill.name}", bill.billed, detail=kinds)


@dataclass
class _Till:
    """Reads what has been spent so far."""

    server: DevServer
    stack: Stack
    store: CountingStore

    async def bill(self, name: str, work: Callable[[], Awaitable[list[str]]]) -> Bill:
        """Have runs made, and bill them.

        Args:
            name: Of the bill.
            work: Makes the runs, sees them end, and returns their ids.
        """
        client = self.stack.client
        await asyncio.sleep(SETTLE_SECONDS)
        before, keeper = (
            read_metrics(self.server.metrics),
            await _history(client, keeper_id(AGENT_NAME)),
        )
        requests, written = self.store.requests.copy(), self.store.written
        server, worker = resources(self.server.process.pid)[1], process_time()
        ids = await work()
        worker = process_time() - worker
        server = resources(self.server.process.pid)[1] - server
        count = len(ids)
        requests = self.store.requests - requests
        written = self.store.written - written
        grown = await _history(client, keeper_id(AGENT_NAME))
        await asyncio.sleep(SETTLE_SECONDS)
        after = read_metrics(self.server.metrics)
        histories = [await _history(client, each) for each in ids]
        state = summed(after, "persistence_requests", "operation")
        state -= summed(before, "persistence_requests", "operation")
        seen = summed(after, "visibility_persistence_requests", "operation")
        seen -= summed(before, "visibility_persistence_requests", "operation")
        own = {name: n for name, n in state.items() if name.startswith(OF_A_RUN)}
        read = sum(n for name, n in own.items() if name.startswith(("Get", "Read")))
        return Bill(
            name,
            events=median(events for events, _ in histories),
            size=median(size for _, size in histories),
            keeper_events=(grown[0] - keeper[0]) / count,
            keeper_size=(grown[1] - keeper[1]) / count,
            actions=summed(after, "action", "action_type")
            - summed(before, "action", "action_type"),
            runs=count,
            writes=(sum(own.values()) - read) / count,
            reads=read / count,
            visibility=seen.total() / count,
            puts=requests["put"] / count,
            gets=(requests["get"] + requests["list"]) / count,
            stored=written / count,
            worker_cpu=worker / count,
            server_cpu=server / count,
        )


async def _history(client: Client, workflow_id: str) -> tuple[int, int]:
    """(events, bytes) of a history, as the server counts them."""
    told = (await client.get_workflow_handle(workflow_id).describe()).raw_description
    info = told.workflow_execution_info
    return info.history_length, info.history_size_bytes


async def _of_plan(till: _Till, plan: Plan, runs: int, declared: str = "") -> Bill:
    name = f"{plan.turns} turn" + ("s" if plan.turns > 1 else "")
    name += f" of {plan.seconds:g} s" if plan.seconds else ""
    name += declared
    progress(name)

    async def work() -> list[str]:
        ids = [f"{AGENT_NAME}-{name}-{number}".replace(" ", "-") for number in range(runs)]
        for each in ids:
            await finish(await till.stack.start(AGENT_NAME, each, input=plan.document))
        return ids

    await finish(await till.stack.start(AGENT_NAME, f"warm-{name}", input=plan.document))
    return await till.bill(name, work)


async def _scheduled(till: _Till, runs: int) -> Bill:
    """Runs of one turn that a schedule starts, each second one."""
    progress("1 turn, scheduled")
    client = till.stack.client
    action = ScheduleActionStartWorkflow(
        "AgentRun",
        {"agent": AGENT_NAME, "input": PLANS[0].document},
        id=AGENT_NAME,
        task_queue=till.stack.task_queue,
    )
    schedule = Schedule(
        action,
        spec=ScheduleSpec(
            intervals=[ScheduleIntervalSpec(every=timedelta(seconds=1))],
            # After what is spent on making it has been counted.
            start_at=datetime.now(UTC) + timedelta(seconds=2 * SETTLE_SECONDS),
        ),
        state=ScheduleState(limited_actions=True, remaining_actions=runs),
    )
    handle = await client.create_schedule(AGENT_NAME, schedule)

    async def work() -> list[str]:
        while True:
            started = (await handle.describe()).info.recent_actions
            if len(started) == runs:
                break
            await asyncio.sleep(0.5)
        actions = [each.action for each in started]
        ids = [
            each.workflow_id
            for each in actions
            if isinstance(each, ScheduleActionExecutionStartWorkflow)
        ]
        for each in ids:
            await client.get_workflow_handle(each).result()
        return ids

    return await till.bill("1 turn, scheduled", work)
