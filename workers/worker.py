"""The worker: runs on one task queue, keepers on its neighbour."""

import asyncio
import logging
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TypedDict

from temporalio.client import Client
from temporalio.worker import Worker

from activities.approval_desk import ApprovalDeskActivities
from activities.archiving import ArchivingActivities
from activities.breaker_gate import BreakerGate
from activities.breakers import Breakers
from activities.budget_desk import BudgetDeskActivities
from activities.compacting import CompactingActivities
from activities.desk import RunDeskActivities
from activities.effect_desk import EffectDeskActivities
from activities.grading import GradingDeskActivities
from activities.handoffs import HandoffDeskActivities
from activities.keeper_desk import KeeperDeskActivities
from activities.lock_desk import LockDeskActivities
from activities.notifying import NotifyingActivities
from activities.pipeline_desk import PipelineDeskActivities
from activities.result_checks import CheckingActivities
from activities.run_reading import RunReadingActivities
from activities.runtimes.open import OpenRuntimes
from activities.session_running import SessionRunningActivities
from activities.stores.base import ObjectStore
from activities.thinking import ThinkingActivities
from activities.tool_listing import ToolListingActivities
from activities.tool_running import ToolRunningActivities
from activities.toolbox import Toolbox
from activities.topic_desk import TopicDeskActivities
from activities.watching import WatchingActivities
from activities.what_if import WhatIfActivities
from rota.breaker import BreakerPolicy
from rota.ids import keeper_queue, watch_queue
from rota.notifier import NotifierPolicy
from rota.runtime_queue import RuntimeQueue
from workers.log_context import LogContext
from workers.measuring import Measuring
from workers.plugin import KEEPER_WORKFLOWS, RUN_WORKFLOWS, WHAT_IF_WORKFLOWS
from workers.runtime_queues import fleet_queues, limit_rates
from workers.takeover import Takeover
from workers.watching import watchdog_queue, watching
from workflows.activity_options import HEARTBEAT_INTERVAL, STICKY_TIMEOUT

log = logging.getLogger("rota.worker")

GRACE = timedelta(seconds=30)
"""How long a stopping worker lets steps finish: above the p95 of a model turn."""
MAX_STEPS = 100
"""Steps at once in one worker: they mostly wait for providers."""
REASON_SECONDS = 5.0
"""How long a worker that failed may take to say why, while its steps are still in flight."""

MAX_WATCHES = 500
"""Sessions watched at once in one worker. A hundred take some 20 MiB and a tenth of a core.
Programs of runtime `command` are among them, and bounded by their agents' concurrency."""

FatalHandler = Callable[[BaseException], Awaitable[None]]


class _Common(TypedDict):
    store: ObjectStore
    toolbox: Toolbox
    on_fatal_error: FatalHandler
    ui: str


class WorkerFailedError(Exception):
    """The worker stopped serving without being told to; the message says why."""


@asynccontextmanager
async def serving(
    client: Client,
    *,
    task_queue: str,
    store: ObjectStore,
    toolbox: Toolbox,
    runtimes: OpenRuntimes | None = None,
    grace: timedelta = GRACE,
    on_fatal_error: FatalHandler | None = None,
    breaker_policy: BreakerPolicy | None = None,
    notifier_policy: NotifierPolicy | None = None,
    runtime_queues: Sequence[RuntimeQueue] = (),
    ui: str = "",
) -> AsyncGenerator[None]:
    """Serve runs and keepers while the block lasts, and the runtimes' own queues.

    A fatal error is raised from the block once every step in flight has ended, which may be
    never; `on_fatal_error` learns of it at once.

    Several workers in one process: an admission waits, inside a workflow task of its run, for
    the keeper's answer, and a session is watched for hours. With one pool of slots a burst of
    runs, or the watched sessions, could hold them all.
    """
    own_runtimes = OpenRuntimes()
    desk = RunDeskActivities(client, store, toolbox, runtimes or own_runtimes)
    gate = BreakerGate(Breakers(client, task_queue, breaker_policy))
    thinking = ThinkingActivities(store, runtimes or own_runtimes, toolbox, gate)
    compacting = CompactingActivities(store, runtimes or own_runtimes, toolbox, gate)
    sessions = SessionRunningActivities(store, runtimes or own_runtimes, toolbox, gate)
    listing = ToolListingActivities(store, toolbox)
    running = ToolRunningActivities(store, toolbox)
    effect_desk = EffectDeskActivities(client)
    approval_desk = ApprovalDeskActivities(store, toolbox)
    handoffs = HandoffDeskActivities(client, store, toolbox)
    pipelines = PipelineDeskActivities(store)
    keeper_desk = KeeperDeskActivities(client, store)
    lock_desk = LockDeskActivities(client)
    budget_desk = BudgetDeskActivities(client)
    reading = RunReadingActivities(client)
    topic_desk = TopicDeskActivities(client, store)
    notifying = NotifyingActivities(client, toolbox.connections, ui=ui, policy=notifier_policy)
    grading = GradingDeskActivities(store)
    checking = CheckingActivities(store, toolbox)
    what_if = WhatIfActivities(store, toolbox)
    looking = WatchingActivities(client, store)
    archiving = ArchivingActivities(client, store, toolbox.connections)
    worker = partial(
        Worker,
        client,
        interceptors=[LogContext(), Measuring(), Takeover()],
        graceful_shutdown_timeout=grace,
        on_fatal_error=on_fatal_error,
    )
    runs = worker(
        task_queue=task_queue,
        workflows=[*RUN_WORKFLOWS, *WHAT_IF_WORKFLOWS],
        activities=[
            checking.check_result,
            grading.open_grading,
            grading.close_grading,
            desk.admit_run,
            desk.prepare_run,
            desk.ask_need,
            desk.announce_run,
            desk.settle_run,
            lock_desk.acquire_lock,
            lock_desk.release_locks,
            notifying.post_facts,
            budget_desk.hold_budget,
            reading.read_use,
            thinking.invoke_model,
            compacting.compact_conversation,
            sessions.submit_session,
            sessions.answer_session,
            sessions.collect_session,
            sessions.cancel_session,
            listing.list_tools,
            running.run_tool,
            running.look_at_effect,
            effect_desk.note_effect,
            approval_desk.check_edit,
            handoffs.open_handoff,
            handoffs.close_handoff,
            pipelines.load_pipeline,
            pipelines.load_outputs,
            pipelines.store_outcome,
            what_if.open_case,
            what_if.serve_calls,
            what_if.case_use,
            archiving.archive_runs,
        ],
        max_concurrent_activities=MAX_STEPS,
        sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
        max_heartbeat_throttle_interval=HEARTBEAT_INTERVAL,
    )
    keepers = worker(
        task_queue=keeper_queue(task_queue),
        workflows=KEEPER_WORKFLOWS,
        activities=[
            keeper_desk.closed_runs,
            keeper_desk.start_runs,
            keeper_desk.page_ledger,
            topic_desk.deliver_events,
            looking.list_agents,
            looking.look_at_agents,
            looking.send_beat,
            notifying.post_facts,
            notifying.send_notification,
        ],
        sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
    )
    watchers = worker(
        task_queue=watch_queue(task_queue),
        activities=[sessions.observe_session],
        max_concurrent_activities=MAX_WATCHES,
        max_heartbeat_throttle_interval=HEARTBEAT_INTERVAL,
    )
    unkept = await limit_rates(client, runtime_queues)
    callers = [
        worker(
            task_queue=queue.name,
            activities=[
                thinking.invoke_model,
                compacting.compact_conversation,
                sessions.submit_session,
                sessions.answer_session,
            ],
            max_concurrent_activities=MAX_STEPS,
            max_task_queue_activities_per_second=(
                queue.requests_per_second if queue.name in unkept else None
            ),
            max_heartbeat_throttle_interval=HEARTBEAT_INTERVAL,
        )
        for queue in runtime_queues
    ]
    try:
        async with AsyncExitStack() as workers:
            # Keepers stop last: a run that settles while stopping still needs its keeper.
            for each in (keepers, runs, watchers, *callers):
                await workers.enter_async_context(each)
            yield
    finally:
        await looking.aclose()
        await notifying.aclose()
        await gate.aclose()
        await own_runtimes.aclose()


async def serve_until_stopped(
    client: Client,
    *,
    task_queue: str,
    store: ObjectStore,
    toolbox: Toolbox,
    ui: str = "",
    watchdog_alone: bool = False,
) -> None:
    """Serve until SIGINT or SIGTERM; a second one ends the process at once.

    Beside `task_queue` those that the runtimes of the toolbox's fleet name, and its Watchdog's
    own; or that alone. Notifications link runs to `ui`, if anybody has said where the Temporal
    UI is.

    Raises:
        WorkerFailedError: serving ended without being told to. Steps may still be in flight,
            in threads that nothing can stop: the caller ends the process, and another
            worker goes on as if this one had been killed.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    over: asyncio.Future[BaseException | None] = loop.create_future()

    async def end(error: BaseException | None = None) -> None:
        if not over.done():
            over.set_result(error)

    async def serve() -> None:
        queues = () if watchdog_alone else fleet_queues(toolbox.fleet, task_queue)
        own = watchdog_queue(toolbox, task_queue)
        common = _Common(store=store, toolbox=toolbox, on_fatal_error=end, ui=ui)
        async with AsyncExitStack() as served:
            if own:
                watch = watching(client, own, grace=GRACE, **common)
                await served.enter_async_context(watch)
            if not watchdog_alone:
                runs = serving(client, task_queue=task_queue, runtime_queues=queues, **common)
                await served.enter_async_context(runs)
            mine = () if watchdog_alone else (task_queue, *(queue.name for queue in queues))
            names = ", ".join(filter(None, (*mine, own)))
            log.info("serving %s at %s", names, client.service_client.config.target_host)
            try:
                await stop.wait()
            finally:  # told to stop, or cancelled by a worker that ended
                await end()
            log.info("stopping: steps in flight may finish (up to %s)", GRACE)
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    work = asyncio.create_task(serve())
    try:
        await asyncio.wait((work, over), return_when=asyncio.FIRST_COMPLETED)
        if not stop.is_set():
            raise WorkerFailedError(f"the worker failed: {await _reason(work, over)}")
        await work
    finally:
        work.cancel()
        log.info("stopped")


async def _reason(work: "asyncio.Task[None]", over: "asyncio.Future[BaseException | None]") -> str:
    error = over.result() if over.done() else None
    if error is None:
        await asyncio.wait((work,), timeout=REASON_SECONDS)
        if work.done() and not work.cancelled():
            error = work.exception()
    return f"{type(error).__name__}: {error}" if error else "it does not say why"
