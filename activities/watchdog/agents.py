"""One agent looked at: its keeper's word, its schedule, its runs, and what follows from them."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from temporalio.client import Client, WorkflowExecution, WorkflowQueryFailedError
from temporalio.service import RPCError

from activities.open_state import open_state
from activities.schedule_toggles import with_toggle_told
from activities.side_by_side import side_by_side
from activities.slot_evidence import describe_schedule, fired_of, read_entries, read_live
from activities.stores.base import ObjectStore
from activities.watchdog.listing import Watched, is_open, is_run, is_scheduled_by, open_run
from activities.watchdog.progress import with_progress
from activities.watchdog.quiet import Declarations, is_quiet
from rota.expected.evidence import Evidence
from rota.ids import keeper_id
from rota.keeper_state import KeeperState
from rota.notify_spec import WATCHED, NotifySpec
from rota.pinned_spec import PinnedSpec
from rota.watchdog.alerts import Alert, Finding
from rota.watchdog.looks import LookOrder
from rota.watchdog.oddness import odd_runs
from rota.watchdog.open_run import OpenRun
from rota.watchdog.run_rules import may_be_stuck, overdue, stuck, wedged
from rota.watchdog.schedule_rules import schedule_changed
from rota.watchdog.slot_rules import judge_slots

PATIENCE = timedelta(seconds=5)
"""For a keeper's answer: one that is served takes some milliseconds."""
MOST_LOOKED_INTO = 20
"""Runs of one agent whose progress is looked at, the oldest first."""


@dataclass(frozen=True)
class SeenAgent:
    """What one look has come to."""

    name: str
    is_judged: bool = True
    """False: its keeper did not answer."""
    findings: tuple[Finding, ...] = ()
    decided_until: datetime | None = None
    """None: all is decided."""
    unstarted: tuple[datetime, ...] = ()
    runs: tuple[OpenRun, ...] = ()
    runtime_queues: tuple[str, ...] = ()
    notify: tuple[NotifySpec, ...] = ()
    trouble: tuple[str, ...] = field(default=())


class AgentLook:
    """Looks at agents for one check.

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
        state = await self._state(name) if asked else None
        # What a keeper's silence may come from is seen without it.
        jammed = [found for run in runs if (found := wedged(run, "", self._order.now))]
        if state is None:
            return SeenAgent(name, is_judged=False, findings=tuple(jammed), runs=runs)
        now = datetime.now(UTC)
        spec = state.spec
        if spec is None:
            return SeenAgent(name, findings=tuple(jammed), runs=runs)
        since = self._order.undecided.get(name, self._order.since)
        entries, _ = await read_entries(self._store, state, since)
        live = await read_live(self._client, name, spec.schedule, since, now)
        known = [alert for alert in self._order.alerts if alert.agent == name]
        scheduled = [each for each in listed if is_scheduled_by(each, name)]
        evidence = replace(
            Evidence.of(name, state, entries, now),
            fired=fired_of(scheduled),
            live=live,
        )
        looked = since if since < self._order.now else None
        evidence = await with_toggle_told(self._client, evidence, looked, now)
        team = {"team": spec.team}
        findings = [found.model_copy(update=team) for found in jammed]
        findings += [*await self._stuck(spec, [each for each in runs if _is_run(each)], now)]
        findings += schedule_changed(spec, live, evidence.chronicle, now)
        findings += odd_runs(name, spec.team, entries, self._order.since, known)
        return self._judged(
            SeenAgent(
                name,
                findings=tuple(findings),
                runs=runs,
                runtime_queues=_queues(spec, runs),
                notify=tuple(each for each in spec.notify if set(each.on) & set(WATCHED)),
            ),
            spec,
            evidence,
            known,
            since,
            now,
        )

    def _judged(
        self,
        seen: SeenAgent,
        spec: PinnedSpec,
        evidence: Evidence,
        known: list[Alert],
        since: datetime,
        now: datetime,
    ) -> SeenAgent:
        """Add what the slots and ends of runs come to."""
        try:
            judged = judge_slots(evidence, since, now, known=known, sla=spec.sla, team=spec.team)
            late = overdue(spec, evidence.entries, self._order.since, now)
        except ValueError as error:
            return replace(seen, trouble=(f"{seen.name}: {error}",))
        return replace(
            seen,
            findings=(*seen.findings, *judged.findings, *late),
            decided_until=judged.decided_until if judged.decided_until < now else None,
            unstarted=tuple(judged.unstarted),
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
        try:
            if not is_quiet(spec, described, listed, order.since, datetime.now(UTC)):
                return None
        except ValueError:
            return None
        return SeenAgent(name)

    async def _state(self, name: str) -> KeeperState | None:
        try:
            return await open_state(self._client, keeper_id(name), KeeperState, PATIENCE)
        except (RPCError, WorkflowQueryFailedError):
            return None

    async def _stuck(self, spec: PinnedSpec, runs: list[OpenRun], now: datetime) -> list[Finding]:
        old = sorted((r for r in runs if may_be_stuck(r, spec, now)), key=lambda run: run.began)
        looked = await side_by_side(old[:MOST_LOOKED_INTO], partial(with_progress, self._client))
        return [found for run in looked if (found := stuck(run, spec, now))]


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
