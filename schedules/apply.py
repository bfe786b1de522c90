"""`rota apply`: carry out a plan, exactly that plan, and read back what was written.

Every step may be repeated and the steps of a name stand in an order in which any beginning
of them is a sound state: the declaration is stored before the keeper names it, and in force
before a topic or a schedule starts runs that ask for it. So whatever interrupts an apply,
the next plan holds just the rest.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.documents import put_spec
from activities.side_by_side import side_by_side
from activities.stores.base import ObjectStore
from rota.model import Record
from rota.topics.topic import Subscriber
from schedules.apply_errors import ApplyError, NoWorkerError, StalePlanError
from schedules.changes import AgentPlan, Plan, Step
from schedules.fleet import Fleet
from schedules.freezes import begin_frozen
from schedules.keepers import declare, retire, wait_for_worker
from schedules.plan import make_plan
from schedules.reading_back import read_back
from schedules.schedule_writing import create_schedule, delete_schedule, update_schedule
from schedules.subscriptions import live_subscribers, subscribe, unsubscribe
from schedules.team_accounts import declare_team, retire_team
from schedules.toggle import tell_toggled
from schedules.watchdogs import write_watchdog

WORKER_TIMEOUT = timedelta(seconds=15)
"""How long a keeper may take to answer; one that is served takes a fraction of a second."""
NEED_WORKER = {Step.DECLARE, Step.RETIRE, Step.SUBSCRIBE, Step.UNSUBSCRIBE}
"""Steps that a keeper or a topic takes: workflows, which only a worker makes answer."""


class AppliedStep(Record):
    """One step that is done."""

    agent: str
    step: Step


class AppliedReport(Record):
    """What an apply did."""

    fleet: str
    steps: tuple[AppliedStep, ...] = ()
    """In the order in which they were done."""

    def to_json(self) -> dict[str, Any]:
        """Return the report for programs."""
        return self.model_dump(mode="json")


Progress = Callable[[AppliedStep], None]


async def apply_plan(
    client: Client,
    store: ObjectStore,
    fleet: Fleet,
    plan: Plan,
    *,
    task_queue: str,
    on_progress: Progress | None = None,
    worker_timeout: timedelta = WORKER_TIMEOUT,
    by: str = "",
) -> AppliedReport:
    """Carry out `plan`. Names are taken side by side, each one's steps in order.

    One name's refusal does not stop the others. Idempotent: planned again and applied
    again after any interruption, it ends in the same state.

    Args:
        client: connected with Rota's converter.
        store: where the declarations go; the workers' own.
        fleet: the files the plan was made from.
        plan: from `make_plan`.
        task_queue: where the fleet's runs are served.
        on_progress: called after each step.
        worker_timeout: how long to wait for a worker, and for a keeper's answer.
        by: who applies: the requester of the runs that start by themselves.

    Raises:
        StalePlanError: a plan made now would differ; nothing was done.
        NoWorkerError: no worker serves the keepers.
        ApplyError: the plan has conflicts, the server refused something, or it does not
            show what was written; one line each.
    """
    if plan.conflicts:
        raise ApplyError("\n".join(plan.conflicts))
    await _check_fresh(client, store, fleet, plan, task_queue)
    steps = {step for agent in plan.changes for step in agent.steps}
    if steps & NEED_WORKER:
        await wait_for_worker(client, task_queue, worker_timeout)
    done: list[AppliedStep] = []

    def progress(step: AppliedStep) -> None:
        done.append(step)
        if on_progress is not None:
            on_progress(step)

    work = _Apply(client, store, fleet, task_queue, worker_timeout, progress, by)
    outcomes: list[ApplyError | None] = []
    for turn in _turns(plan.changes):
        outcomes += await side_by_side(turn, work.agent)
    refusals = [str(outcome) for outcome in outcomes if outcome is not None]
    if refusals:
        raise ApplyError("\n".join(refusals))
    return AppliedReport(fleet=fleet.name, steps=tuple(done))


def _turns(changes: Sequence[AgentPlan]) -> tuple[list[AgentPlan], ...]:
    """A team's account is there before its agents ask it, and for as long as they may."""
    teams = [each for each in changes if each.kind == "Team"]
    return (
        [team for team in teams if Step.RETIRE not in team.steps],
        [each for each in changes if each.kind != "Team"],
        [team for team in teams if Step.RETIRE in team.steps],
    )


async def _check_fresh(
    client: Client, store: ObjectStore, fleet: Fleet, plan: Plan, task_queue: str
) -> None:
    fresh = await make_plan(client, store, fleet, task_queue=task_queue, now=plan.made_at)
    if fresh.conflicts:
        raise ApplyError("\n".join(fresh.conflicts))
    if fresh.fingerprint == plan.fingerprint:
        return
    planned, now = plan.fingerprints, fresh.fingerprints
    names = sorted({name for name, _ in planned.items() ^ now.items()}) or [fleet.name]
    raise StalePlanError(f"the plan is stale: {', '.join(names)} changed meanwhile; plan again")


class _Apply:
    def __init__(
        self,
        client: Client,
        store: ObjectStore,
        fleet: Fleet,
        task_queue: str,
        timeout: timedelta,
        progress: Progress,
        by: str,
    ) -> None:
        self._client = client
        self._store = store
        self._fleet = fleet
        self._task_queue = task_queue
        self._timeout = timeout
        self._progress = progress
        self._by = by

    async def agent(self, planned: AgentPlan) -> ApplyError | None:
        """Carry out one name's steps; return why it stopped, None if it did not."""
        try:
            for step in planned.steps:
                await self._do(planned, step)
                self._progress(AppliedStep(agent=planned.agent, step=step))
        except NoWorkerError:
            raise  # not this one's trouble alone
        except ApplyError as error:
            return error
        except RPCError as error:
            if error.status is not RPCStatusCode.INVALID_ARGUMENT:
                raise
            return ApplyError(
                f"{planned.label}: the server refused it: {error.message}{_cure(error)}"
            )
        return None

    async def _do(self, planned: AgentPlan, step: Step) -> None:
        name = planned.agent
        if planned.kind == "Team":
            await self._do_team(name, step)
        elif planned.kind == "Watchdog":
            await write_watchdog(self._client, self._fleet, self._task_queue, step)
        elif step is Step.RETIRE:
            await retire(self._client, name, self._task_queue, self._timeout)
        elif step is Step.DELETE_SCHEDULE:
            await delete_schedule(self._client, name)
        elif step is Step.UNSUBSCRIBE:
            await self._unsubscribe(name, planned.unsubscribe)
        elif step is Step.SUBSCRIBE:
            await self._subscribe(name, planned.subscribe)
        elif step is Step.FREEZE and planned.freeze is not None:
            spec, timeout = self._fleet.declarations[name].spec, self._timeout
            await begin_frozen(self._client, spec, planned.freeze, self._task_queue, timeout)
        elif step is Step.DECLARE:
            spec = self._fleet.declarations[name].spec
            await put_spec(self._store, spec)
            fleet, queue, timeout = self._fleet.name, self._task_queue, self._timeout
            await declare(self._client, spec, fleet, queue, timeout, self._by)
        else:
            declared = self._fleet.declarations[name]
            write = create_schedule if step is Step.CREATE_SCHEDULE else update_schedule
            await write(self._client, declared, self._fleet.name, self._task_queue)
            paused = declared.spec.schedule is not None and declared.spec.schedule.paused
            await tell_toggled(self._client, name, paused=paused, note="rota apply")

    async def _do_team(self, name: str, step: Step) -> None:
        if step is Step.RETIRE:
            await retire_team(self._client, name, self._task_queue, self._timeout)
        else:
            spec, fleet = self._fleet.teams[name].spec, self._fleet.name
            await put_spec(self._store, spec)
            await declare_team(self._client, spec, fleet, self._task_queue, self._timeout)

    async def _subscribe(self, name: str, events: tuple[str, ...]) -> None:
        spec = self._fleet.declarations[name].spec
        for subscription in spec.on:
            if subscription.event not in events:
                continue
            subscriber = Subscriber(
                name=name,
                kind=spec.kind,
                fleet=self._fleet.name,
                task_queue=self._task_queue,
                subscription=subscription,
            )
            await subscribe(self._client, subscriber, subscription.event, self._timeout)
            await self._shown(name, subscription.event, self._fleet.name)

    async def _unsubscribe(self, name: str, events: tuple[str, ...]) -> None:
        fleet = self._fleet.name
        for event in events:
            await unsubscribe(self._client, name, fleet, event, self._task_queue, self._timeout)
            await self._shown(name, event, None)

    async def _shown(self, name: str, event: str, fleet: str | None) -> None:
        """Wait until the topic shows the subscription; None: until it shows none."""

        async def differing() -> list[str]:
            owner = (await live_subscribers(self._client, event)).get(name)
            return [] if owner == fleet else [f"on.{event}"]

        await read_back(name, differing)


def _cure(error: RPCError) -> str:
    lacks = "search attribute" in error.message.lower()
    return "; 'rota doctor --fix' creates Rota's search attributes" if lacks else ""
