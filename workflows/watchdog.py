"""`Watchdog`: one check of a fleet, started by a schedule of its own.

It looks at what did not happen, tells each alert once and once when it is over, and sends a beat to
somebody who notices when none comes. All rules are in `rota.watchdog`; what it remembers is the
result of the check before, which Temporal hands on from run to run of the schedule.
"""

from collections import defaultdict
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.interface import Archiving, Watching
    from rota.archive import ArchiveOrder, ArchiveReport
    from rota.failures import MESSAGE_LIMIT
    from rota.notifications import Fact
    from rota.notify_spec import NotifySpec
    from rota.watchdog.archiving import archived, is_due, lagging, limit_of, not_archived
    from rota.watchdog.looks import Beat, Looked, LookOrder, WatchOrder
    from rota.watchdog.memory import WatchMemory, remember
    from rota.watchdog.telling import details, fact_of
    from rota.watchdog.watchdog_spec import BeatSpec
    from workflows.notifying import post
    from workflows.watchdog_options import archive_options, beat_options, look_options

MOST_PAGES = 200
"""Of keepers, in one check: ten thousand agents, and some 1,200 events."""
MOST_FACTS = 50
"""Handed over at once."""


@workflow.defn(name="Watchdog")
class WatchdogWorkflow:
    """One check; its id is the schedule's and the time it was meant for.

    Messages: none. Continue-As-New: never, a check is short. Its result is the memory of the
    next; one that fails leaves that of the last that did not.
    Replay: no patches in force.
    """

    def __init__(self) -> None:
        self._notify: dict[str, tuple[NotifySpec, ...]] = {}
        """By agent: whom its own declaration tells of alerts."""

    @workflow.run
    async def run(self, order: WatchOrder) -> WatchMemory:
        """Look, tell, beat, put away; return what is to be remembered."""
        began = workflow.now()
        memory = WatchMemory()
        if workflow.has_last_completion_result():
            memory = workflow.get_last_completion_result(WatchMemory) or memory
        workflow.set_current_details("looking at the agents")
        pages, trouble = await self._look(order, memory)
        memory, news = remember(memory, order.fleet, pages, began, whole=not trouble)
        self._notify = {name: to for page in pages for name, to in page.notify.items()}
        facts = (*memory.untold, *(fact_of(order.fleet, each) for each in news))
        memory = await self._tell(order, memory.model_copy(update={"untold": facts}))
        troubles = [*memory.trouble, *([trouble] if trouble else [])]
        if order.beat is not None and not trouble:
            troubles += await self._beat(order, order.beat, len(memory.open))
        memory = memory.model_copy(update={"trouble": tuple(troubles)})
        workflow.set_current_details(details(memory))
        if order.archive:
            # Last of all: whatever becomes of it, all else is told.
            memory = await self._archive(order, memory)
            workflow.set_current_details(details(memory))
        return memory

    async def _look(self, order: WatchOrder, memory: WatchMemory) -> tuple[list[Looked], str]:
        """Look at all pages, and say what kept them from being seen; empty if nothing did."""
        pages: list[Looked] = []
        page, now = "", workflow.now()
        while len(pages) < MOST_PAGES:
            asked = LookOrder(
                fleet=order.fleet,
                task_queue=order.task_queue,
                page=page,
                now=now,
                since=memory.judged_until or now,
                undecided=memory.undecided,
                alerts=memory.alerts,
            )
            try:
                looked: Looked = await workflow.execute_activity_method(
                    Watching.look_at_agents,
                    asked,
                    summary=f"page {len(pages) + 1}",
                    **look_options(),
                )
            except ActivityError as error:
                return pages, f"not all agents were looked at: {_reason(error)}"
            pages.append(looked)
            page = looked.next_page
            if not page:
                return pages, ""
        return pages, f"more than {MOST_PAGES} pages of agents: the rest was not looked at"

    async def _tell(self, order: WatchOrder, memory: WatchMemory) -> WatchMemory:
        """Tell the fleet's channels what is untold, and those of the agents that it is about."""
        by_whom: dict[str, list[Fact]] = defaultdict(list)
        for fact in memory.untold:
            by_whom[fact.agent if fact.agent in self._notify else ""].append(fact)
        untold: list[Fact] = []
        for name, facts in by_whom.items():
            told = (*order.notify, *self._notify.get(name, ()))
            for at in range(0, len(facts), MOST_FACTS):
                some = facts[at : at + MOST_FACTS]
                untold += [] if await post(told, *some) else some
        return memory.model_copy(update={"untold": tuple(untold)})

    async def _beat(self, order: WatchOrder, to: BeatSpec, alerts: int) -> list[str]:
        """Send the sign of life; return what kept it from being taken."""
        beat = Beat(url=to.url, method=to.method, fleet=order.fleet, alerts=alerts)
        try:
            await workflow.execute_local_activity_method(
                Watching.send_beat, beat, summary="beat", **beat_options()
            )
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            return [f"the beat was not taken: {_reason(error)}"]
        return []

    async def _archive(self, order: WatchOrder, memory: WatchMemory) -> WatchMemory:
        """Put away closed runs, and tell if they wait for it too long."""
        now, before = workflow.now(), memory.archive
        if not is_due(before, now):
            return memory
        spent = now - (memory.checked or now)
        every = timedelta(seconds=order.every_seconds)
        options = archive_options(every, spent, order.task_queue)
        try:
            report: ArchiveReport = await workflow.execute_activity_method(
                Archiving.archive_runs,
                ArchiveOrder(fleet=order.fleet, resume=True, limit=limit_of(every)),
                summary="put away closed runs",
                **options,
            )
            state = archived(report, now)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            state = not_archived(before, _reason(error), now)
        alerts, news = lagging(memory.alerts, state, now)
        facts = (*memory.untold, *(fact_of(order.fleet, each) for each in news))
        changes = {"archive": state, "alerts": alerts, "untold": facts}
        memory = memory.model_copy(update=changes)
        return await self._tell(order, memory) if news else memory


def _reason(error: FailureError) -> str:
    cause = error.cause
    return (cause.message if isinstance(cause, FailureError) else str(cause or error))[
        :MESSAGE_LIMIT
    ]
