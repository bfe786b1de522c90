"""The worker: runs on one task queue, keepers on its neighbour."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial

from temporalio.client import Client
from temporalio.worker import Worker

from activities.archiving import ArchivingActivities
from activities.breaker_gate import BreakerGate
from activities.breakers import Breakers
from activities.compacting import CompactingActivities
from activities.desks.approvals import ApprovalDeskActivities
from activities.desks.budgets import BudgetDeskActivities
from activities.desks.effects import EffectDeskActivities
from activities.desks.keepers import KeeperDeskActivities
from activities.desks.locks import LockDeskActivities
from activities.desks.pipelines import PipelineDeskActivities
from activities.desks.runs import RunDeskActivities
from activities.desks.topics import TopicDeskActivities
from activities.grading import GradingDeskActivities
from activities.handoffs import HandoffDeskActivities
from activities.notifying import NotifyingActivities
from activities.result_checks import CheckingActivities
from activities.run_reading import RunReadingActivities
from activities.runtimes.open import OpenRuntimes
from activities.sessions.running import SessionRunningActivities
from activities.stores.base import ObjectStore
from activities.thinking import ThinkingActivities
from activities.tool_listing import ToolListingActivities
from activities.tool_running import ToolRunningActivities
from activities.toolbox import Toolbox
from activities.watching import WatchingActivities
from activities.what_if import WhatIfActivities
from rota.ids import keeper_queue, watch_queue
from rota.notices.notifier import NotifierPolicy
from rota.runtimes.breaker import BreakerPolicy
from rota.runtimes.queue import RuntimeQueue
from workers.build import Build
from workers.log_context import LogContext
from workers.measuring import Measuring
from workers.plugin import KEEPER_WORKFLOWS, RUN_WORKFLOWS, WHAT_IF_WORKFLOWS
from workers.runtime_queues import limit_rates
from workers.takeover import Takeover
from workflows.activity_options import HEARTBEAT_INTERVAL, STICKY_TIMEOUT

GRACE = timedelta(seconds=30)
"""How long a stopping worker lets steps finish: above the p95 of a model turn."""
MAX_STEPS = 100
"""Steps at once in one worker: they mostly wait for providers."""
MAX_WATCHES = 500
"""Sessions watched at once in one worker. A hundred take some 20 MiB and a tenth of a core.
Programs of runtime `command` are among them, and bounded by their agents' concurrency."""

FatalHandler = Callable[[BaseException], Awaitable[None]]


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
    build: Build | None = None,
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
        deployment_config=build and build.pinned,
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
        deployment_config=build and build.upgraded,
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
        max_heartbeat_throttle_interval=HEARTBEAT_INTERVAL,
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
