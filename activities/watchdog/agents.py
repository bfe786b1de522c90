"""One agent looked at: its keeper's word, its schedule, its runs, and what follows from them."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from temporalio.client import Client, WorkflowExecution, WorkflowQueryFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from activities.open_state import open_state
from activities.schedule_toggles import with_toggle_told
from activities.side_by_side import AT_ONCE
from activities.slot_evidence import describe_schedule, fired_of, read_entries, read_live
from activities.stores.base import ObjectStore
from activities.watchdog.listing import Watched, is_open, is_run, is_scheduled_by, open_run
from activities.watchdog.quiet import Declarations, is_quiet
from activities.watchdog.stuck_runs import stuck_runs
from rota.expected.evidence import Evidence
from rota.ids import keeper_id
from rota.keepers.state import KeeperState
from rota.notices.spec import WATCHED, NotifySpec, Occasion
from rota.notices.text import one_line
from rota.pinned_spec import PinnedSpec
from rota.watchdog.alerts import Alert, Finding
from rota.watchdog.looks import LookOrder
from rota.watchdog.missing import Slots
from rota.watchdog.oddness import odd_runs
from rota.watchdog.open_run import OpenRun
from rota.watchdog.run_rules import overdue, wedged
from rota.watchdog.schedule_rules import schedule_changed
from rota.watchdog.slot_rules import judge_slots

PATIENCE = timedelta(seconds=5)
"""For a keeper's answer: one that is served takes some milliseconds."""
SILENT = "its keeper does not answer"


@dataclass(frozen=True)
class SeenAgent:
    """What one look has come to."""

    name: str
    is_judged: bool = True
    why: str = ""
    """Why it could not be judged; empty if an alert of its queue says it."""
    findings: tuple[Finding, ...] = ()
    decided_until: datetime | None = None
    """None: all is decided."""
    unstarted: tuple[datetime, ...] = ()
    is_at_rest: bool = False
    """Nothing begins by itself any more, as declared."""
    runs: tuple[OpenRun, ...] = ()
    runtime_queues: tuple[str, ...] = ()
    notify: tuple[NotifySpec, ...] | None = None
    """Whom it tells of alerts; None: that was not read."""
    trouble: tuple[str, ...] = ()


class AgentLook:
    """Looks at agents for one page of a check.

    Args:
        client: Reaches keepers and schedules.
        store: Of the ledgers' pages.
        order: What is known from the check before.
        declared: What is in force, as far as it was read before.
    """

    def __init__(
        self, client: Client, store: ObjectStore, order: LookOrder, declared: Declarations
    ) -> None:
        self._client = client
        self._store = store
        self._declared = declared
        self._order = order
        self._silent = 0
        """Keepers of the page that have not answered; less than none once one has."""

    async def look(
        self, watched: Watched, listed: list[WorkflowExecution], *, asked: bool
    ) -> SeenAgent:
        """Look at one; `asked` is False where nobody serves its keeper.

        Raises:
            temporalio.service.RPCError: the server did not answer.
        """
        name = watched.name
        runs = tuple(open_run(each, name) for each in listed if is_open(each))
        quiet = await self._quiet(watched, listed)
        if quiet is not None and not any(run.problems for run in runs):
            return quiet
        # What a keeper's silence may come from is seen without it.
        jammed = tuple(found for run in runs if (found := wedged(run, "", self._order.now)))
        seen = SeenAgent(name, findings=jammed, runs=runs)
        state = "" if not asked else await self._state(name)
        if isinstance(state, str):
            spec = await self._declared.of(watched.digest)
            notify = _told(PinnedSpec.of(spec)) if spec is not None else None
            return replace(seen, is_judged=False, why=state, notify=notify)
        now = datetime.now(UTC)
        spec = state.spec
        if spec is None:
            return seen
        since = self._order.undecided.get(name, self._order.since)
        known = [alert for alert in self._order.alerts if alert.agent == name]
        entries, unread = await read_entries(self._store, state, _oldest(since, known))
        live = None
        if spec.schedule is not None:
            live = await read_live(self._client, name, spec.schedule, since, now)
        evidence = replace(
            Evidence.of(name, state, entries, now),
            fired=fired_of(each for each in listed if is_scheduled_by(each, name)),
            live=live,
            unread=unread,
            unread_until=state.paged_slots.end if unread and state.paged_slots else None,
        )
        looked = since if since < self._order.now else None
        evidence = await with_toggle_told(self._client, evidence, looked, now)
        at_work = [each for each in runs if _is_run(each)]
        number = self._order.number
        findings = [found.model_copy(update={"team": spec.team}) for found in jammed]
        findings += await stuck_runs(self._client, spec, at_work, known, number, now)
        findings += schedule_changed(spec, live, evidence.chronicle, now)
        findings += odd_runs(name, spec.team, entries, since, known)
        seen = replace(
            seen,
            findings=tuple(findings),
            runtime_queues=_queues(spec, runs),
            notify=_told(spec),
            trouble=(f"{name}: {one_line(unread)}",) if unread else (),
        )
        slots = Slots(evidence, spec, now, self._order.unwatched)
        return self._judged(seen, slots, known, since)

    def _judged(
        self, seen: SeenAgent, slots: Slots, known: list[Alert], since: datetime
    ) -> SeenAgent:
        """Add what the slots and ends of runs come to."""
        now, spec = slots.now, slots.spec
        try:
            judged = judge_slots(slots, since, fresh=self._order.since, known=known)
            late = overdue(spec, slots.evidence.entries, since, now)
        except ValueError as error:
            return replace(seen, is_judged=False, why=one_line(str(error)))
        return replace(
            seen,
            findings=(*seen.findings, *judged.findings, *late),
            decided_until=judged.decided_until if judged.decided_until < now else None,
            unstarted=tuple(judged.unstarted),
            is_at_rest=bool(slots.at_rest),
        )

    async def _quiet(self, watched: Watched, listed: list[WorkflowExecution]) -> SeenAgent | None:
        """Say that nothing is new, without asking the keeper; None: it must be asked."""
        name, order = watched.name, self._order
        if name in order.undecided or any(alert.agent == name for alert in order.alerts):
            return None
        spec = await self._declared.of(watched.digest)
        if spec is None:
            return None
        described = await describe_schedule(self._client, name) if spec.schedule else None
        now = datetime.now(UTC)
        try:
            if not is_quiet(spec, watched.since, described, listed, order.since, now):
                return None
        except ValueError:
            return None
        return SeenAgent(name)

    async def _state(self, name: str) -> KeeperState | str:
        """What the keeper knows, or why that cannot be had."""
        if self._silent >= AT_ONCE:
            # None of them answers: the others would only take the time that is left.
            return SILENT
        try:
            state = await open_state(self._client, keeper_id(name), KeeperState, PATIENCE)
        except RPCError:
            self._silent += 1
            return SILENT
        except (WorkflowQueryFailedError, ApplicationError) as error:
            return f"its keeper's answer cannot be read: {one_line(str(error))}"
        self._silent = -len(self._order.names)
        return state or "its keeper has just ended"


def _oldest(since: datetime, known: list[Alert]) -> datetime:
    """From when on the ledger is needed: what is told of old slots is judged again, too."""
    slots = [
        min(alert.since, alert.last or alert.since)
        for alert in known
        if alert.is_open and alert.kind in (Occasion.MISSED, Occasion.LATE)
    ]
    return min([since, *slots])


def _told(spec: PinnedSpec) -> tuple[NotifySpec, ...]:
    return tuple(each for each in spec.notify if set(each.on) & set(WATCHED))


def last_start(listed: list[WorkflowExecution]) -> datetime | None:
    """When the newest run among them began."""
    return max((each.start_time for each in listed if is_run(each)), default=None)


def _is_run(run: OpenRun) -> bool:
    return run.id != keeper_id(run.agent)


def _queues(spec: PinnedSpec, runs: tuple[OpenRun, ...]) -> tuple[str, ...]:
    """Queues of its runtimes, if anything is at work that may need them."""
    if not any(_is_run(run) for run in runs):
        return ()
    return tuple(sorted({each.queue for each in spec.runtimes if each.queue}))
