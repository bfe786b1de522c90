"""`Watchdog`: one check of a fleet, started by a schedule of its own.

It looks at what did not happen, tells each alert once and once when it is over, and sends a beat to
somebody who notices when none comes. All rules are in `rota.watchdog`; what it remembers is the
result of the check before, which Temporal hands on from run to run of the schedule.
"""

from collections import defaultdict
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.interface import Archiving, Watching
    from rota.archive import ArchiveOrder, ArchiveReport
    from rota.failures import MESSAGE_LIMIT
    from rota.notices.facts import Fact
    from rota.watchdog.archiving import archived, is_due, lagging, limit_of, not_archived
    from rota.watchdog.looks import Beat, Listed, ListOrder, Looked, LookOrder, WatchOrder
    from rota.watchdog.memory import WatchMemory, remember, resumed
    from rota.watchdog.recalling import recall
    from rota.watchdog.telling import details, fact_of
    from rota.watchdog.watchdog_spec import BeatSpec
    from workflows.notifying import post
    from workflows.watchdog_options import (
        LONGEST_LOOK,
        archive_options,
        beat_options,
        list_options,
        look_options,
    )

MOST_PAGES = 200
"""Of keepers, in one check: ten thousand agents, and some 1,200 events."""
MOST_FACTS = 50
"""Handed over at once."""
MOST_UNTOLD = 1000
"""Facts that wait to be handed over; of more, the newest."""


@workflow.defn(name="Watchdog")
class WatchdogWorkflow:
    """One check; its id is the schedule's and the time it was meant for.

    Messages: none. Continue-As-New: never, a check is short. Its result is the memory of the
    next; one that fails leaves that of the last that did not.
    Replay: no patches in force.
    """

    @workflow.run
    async def run(self, order: WatchOrder) -> WatchMemory:
        """Look, tell, beat, put away; return what is to be remembered."""
        began = workflow.now()
        memory, lost = WatchMemory(), ""
        if workflow.has_last_completion_result():
            # By its bytes: what another version has left must not keep this one from looking.
            memory, lost = recall(workflow.get_last_completion_result(dict[str, Any]) or {})
        memory = resumed(memory, timedelta(seconds=order.every_seconds), began)
        workflow.set_current_details("looking at the agents")
        listed, short = await self._list(order)
        memory, pages, failed = await self._look(order, memory, listed)
        memory, news = remember(memory, order.fleet, pages, began, whole=not short)
        facts = (*memory.untold, *(fact_of(order.fleet, each) for each in news))
        memory = await self._tell(order, memory.model_copy(update={"untold": facts[-MOST_UNTOLD:]}))
        troubles = [*filter(None, (short, failed, lost)), *memory.trouble]
        if memory.untold:
            left = max(0, len(facts) - MOST_UNTOLD)
            dropped = f", {left} older ones were dropped" if left else ""
            troubles.append(f"{len(memory.untold)} messages could not be handed over{dropped}")
        if order.beat is not None and not (short or failed or memory.untold):
            troubles += await self._beat(order, order.beat, len(memory.open))
        memory = memory.model_copy(update={"trouble": tuple(troubles)})
        workflow.set_current_details(details(memory))
        if order.archive:
            # Last of all: whatever becomes of it, all else is told.
            memory = await self._archive(order, memory)
            workflow.set_current_details(details(memory))
        return memory

    async def _list(self, order: WatchOrder) -> tuple[list[tuple[str, ...]], str]:
        """List all agents by pages, and say what kept some from being listed; else empty."""
        pages: list[tuple[str, ...]] = []
        page = ""
        for _ in range(MOST_PAGES):
            try:
                listed: Listed = await workflow.execute_local_activity_method(
                    Watching.list_agents,
                    ListOrder(fleet=order.fleet, page=page),
                    summary="list the agents",
                    **list_options(),
                )
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                return pages, f"not all agents were listed: {_reason(error)}"
            pages += [listed.names] if listed.names else []
            page = listed.next_page
            if not page:
                return pages, ""
        return pages, f"more than {MOST_PAGES} pages of agents: the rest was not listed"

    async def _look(
        self, order: WatchOrder, memory: WatchMemory, listed: list[tuple[str, ...]]
    ) -> tuple[WatchMemory, list[Looked], str]:
        """Look at all that are listed; what cannot be seen is told as that, and hides no other.

        Returns:
            The memory, with where the next check begins; what was seen; what kept some pages from
            being seen, empty if nothing did.
        """
        began, failed = workflow.now(), ""
        pages: list[Looked] = []
        begin = memory.begin if memory.begin < len(listed) else 0
        turned = [*listed[begin:], *listed[:begin]]
        for number, names in enumerate(turned):
            if workflow.now() - began >= LONGEST_LOOK:
                left = [name for rest in turned[number:] for name in rest]
                late = "no time was left to look at it"
                pages.append(Looked(unheard=dict.fromkeys(left, late)))
                memory = memory.model_copy(update={"begin": (begin + number) % len(listed)})
                return (
                    memory,
                    pages,
                    f"no time was left to look at all agents: {len(left)} left out",
                )
            try:
                looked: Looked = await workflow.execute_activity_method(
                    Watching.look_at_agents,
                    _asked(order, memory, names),
                    summary=f"{names[0]} and {len(names) - 1} more" if names[1:] else names[0],
                    **look_options(),
                )
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                failed = f"not all agents were looked at: {_reason(error)}"
                looked = Looked(unheard=dict.fromkeys(names, _reason(error)))
            pages.append(looked)
        return memory.model_copy(update={"begin": 0}), pages, failed

    async def _tell(self, order: WatchOrder, memory: WatchMemory) -> WatchMemory:
        """Tell the fleet's channels what is untold, and those of the agents that it is about."""
        by_whom: dict[str, list[Fact]] = defaultdict(list)
        for fact in memory.untold:
            by_whom[fact.agent if fact.agent in memory.notify else ""].append(fact)
        untold: list[Fact] = []
        for name, facts in by_whom.items():
            told = (*order.notify, *memory.notify.get(name, ()))
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
            state = archived(report, now, before)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            state = not_archived(before, _reason(error), now)
        alerts, news = lagging(memory.alerts, state, now)
        facts = (*memory.untold, *(fact_of(order.fleet, each) for each in news))
        changes = {"archive": state, "alerts": alerts, "untold": facts}
        memory = memory.model_copy(update=changes)
        return await self._tell(order, memory) if news else memory


def _asked(order: WatchOrder, memory: WatchMemory, names: tuple[str, ...]) -> LookOrder:
    """What looking at some agents needs, and nothing of the others."""
    mine, now = set(names), workflow.now()
    return LookOrder(
        fleet=order.fleet,
        names=names,
        now=now,
        since=memory.judged_until or now,
        unwatched=memory.unwatched,
        number=memory.number,
        undecided={name: memory.undecided[name] for name in names if name in memory.undecided},
        alerts=tuple(alert for alert in memory.alerts if alert.agent in mine),
    )


def _reason(error: FailureError) -> str:
    cause = error.cause
    return (cause.message if isinstance(cause, FailureError) else str(cause or error))[
        :MESSAGE_LIMIT
    ]
