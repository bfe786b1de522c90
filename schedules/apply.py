"""`rota apply`: carry out a plan, exactly that plan, and read back what was written.

Every step may be repeated and the steps of an agent stand in an order in which any
beginning of them is a sound state: the declaration is stored before the keeper names it,
and in force before a schedule starts runs that ask for it. So whatever interrupts an
apply, the next plan holds just the rest.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    Schedule,
    ScheduleAlreadyRunningError,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from activities.documents import put_spec
from activities.server_errors import is_missing
from activities.stores.base import ObjectStore
from rota.model import Record
from rota.visibility import SCHEDULE_MEMO
from schedules.apply_errors import ApplyError, NoWorkerError, StalePlanError
from schedules.changes import AgentPlan, Plan, Step
from schedules.desired import desired_schedule, search_attributes
from schedules.fields import schedule_fields
from schedules.fleet import DeclaredAgent, Fleet
from schedules.keepers import declare, retire, wait_for_worker
from schedules.live import live_schedule
from schedules.plan import make_plan
from schedules.side_by_side import side_by_side

WORKER_TIMEOUT = timedelta(seconds=15)
"""How long a keeper may take to answer; one that is served takes a fraction of a second."""
READ_BACK = timedelta(seconds=5)
"""How long the server may go on showing what was there before an update."""


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
) -> AppliedReport:
    """Carry out `plan`. Agents are taken side by side, each agent's steps in order.

    One agent's refusal does not stop the others. Idempotent: planned again and applied
    again after any interruption, it ends in the same state.

    Args:
        client: connected with Rota's converter.
        store: where the declarations go; the workers' own.
        fleet: the files the plan was made from.
        plan: from `make_plan`.
        task_queue: where the fleet's runs are served.
        on_progress: called after each step.
        worker_timeout: how long to wait for a worker, and for a keeper's answer.

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
    if steps & {Step.DECLARE, Step.RETIRE}:
        await wait_for_worker(client, task_queue, worker_timeout)
    done: list[AppliedStep] = []

    def progress(step: AppliedStep) -> None:
        done.append(step)
        if on_progress is not None:
            on_progress(step)

    work = _Apply(client, store, fleet, task_queue, worker_timeout, progress)
    outcomes = await side_by_side(plan.changes, work.agent)
    refusals = [str(outcome) for outcome in outcomes if outcome is not None]
    if refusals:
        raise ApplyError("\n".join(refusals))
    return AppliedReport(fleet=fleet.name, steps=tuple(done))


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
    ) -> None:
        self._client = client
        self._store = store
        self._fleet = fleet
        self._task_queue = task_queue
        self._timeout = timeout
        self._progress = progress

    async def agent(self, planned: AgentPlan) -> ApplyError | None:
        """Carry out one agent's steps; return why it stopped, None if it did not."""
        try:
            for step in planned.steps:
                await self._do(planned.agent, step)
                self._progress(AppliedStep(agent=planned.agent, step=step))
        except NoWorkerError:
            raise  # not this agent's trouble alone
        except ApplyError as error:
            return error
        except RPCError as error:
            if error.status is not RPCStatusCode.INVALID_ARGUMENT:
                raise
            return ApplyError(
                f"{planned.agent}: the server refused it: {error.message}{_cure(error)}"
            )
        return None

    async def _do(self, name: str, step: Step) -> None:
        if step is Step.RETIRE:
            await retire(self._client, name, self._task_queue, self._timeout)
        elif step is Step.DELETE_SCHEDULE:
            await self._delete(name)
        elif step is Step.DECLARE:
            spec = self._fleet.agents[name].spec
            await put_spec(self._store, spec)
            await declare(self._client, spec, self._fleet.name, self._task_queue, self._timeout)
        else:
            await self._write(self._fleet.agents[name], step)

    async def _write(self, agent: DeclaredAgent, step: Step) -> None:
        wanted = desired_schedule(agent, self._fleet.name, self._task_queue)
        assert wanted is not None  # the plan has this step for agents with a schedule alone
        if step is Step.CREATE_SCHEDULE:
            await self._create(agent, wanted)
        else:
            await self._update(agent, wanted)
        await self._read_back(agent.spec.name, wanted)

    async def _create(self, agent: DeclaredAgent, wanted: Schedule) -> None:
        name = agent.spec.name
        try:
            await self._client.create_schedule(
                name,
                wanted,
                memo={SCHEDULE_MEMO: {"fleet": self._fleet.name}},
                search_attributes=search_attributes(agent.spec),
            )
        except ScheduleAlreadyRunningError:
            raise ApplyError(
                f"{name}: somebody else created its schedule just now; plan again"
            ) from None

    async def _update(self, agent: DeclaredAgent, wanted: Schedule) -> None:
        name = agent.spec.name

        def whole(_now: ScheduleUpdateInput) -> ScheduleUpdate:
            return ScheduleUpdate(wanted, search_attributes=search_attributes(agent.spec))

        try:
            await self._client.get_schedule_handle(name).update(whole)
        except RPCError as error:
            if not is_missing(error):
                raise
            raise ApplyError(f"{name}: its schedule was deleted just now; plan again") from None

    async def _delete(self, name: str) -> None:
        try:
            await self._client.get_schedule_handle(name).delete()
        except RPCError as error:
            if not is_missing(error):
                raise

    async def _read_back(self, name: str, wanted: Schedule) -> None:
        """Compare what the server shows with what was written.

        The SDK updates without a conflict token, and the server may drop an update without
        a word, so only reading it again tells.
        """
        fields = schedule_fields(wanted)
        loop = asyncio.get_running_loop()
        end = loop.time() + READ_BACK.total_seconds()
        while True:
            live = await live_schedule(self._client, name)
            shown = live.fields if live else {}
            differing = [field for field in fields if fields[field] != shown.get(field)]
            if not differing:
                return
            if loop.time() > end:
                raise ApplyError(
                    f"{name}: the server does not show what was written: {', '.join(differing)}; "
                    "somebody else changes this schedule too: plan again"
                )
            await asyncio.sleep(0.1)


def _cure(error: RPCError) -> str:
    lacks = "search attribute" in error.message.lower()
    return "; 'rota doctor --fix' creates Rota's search attributes" if lacks else ""
