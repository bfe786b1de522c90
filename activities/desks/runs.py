"""`admit_run`, `prepare_run`, `settle_run`: a run's dealings with its keeper."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypedDict

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from activities.accounts import reserve_admitted, settle_team
from activities.announcing import announce
from activities.documents import get_json, get_memory, put_record
from activities.forking import admitted_fork, context_with_fork
from activities.interface import RunDesk
from activities.keepers import ask_admission, ask_upstream, report_settlement
from activities.missed_slots import with_passed_slots
from activities.paid_calls import unanswered_attempts, unanswered_summaries
from activities.readiness import Readiness
from activities.result_size import with_size
from activities.runtimes.kinds import runtime_kind
from activities.runtimes.open import OpenRuntimes
from activities.starting import start_coalesced
from activities.stores.base import ObjectMissingError, ObjectStore
from activities.toolbox import Toolbox
from rota.agent_spec import AgentSpec
from rota.coordination.upstream import NeedAnswer, UpstreamRun
from rota.failures import FailureCategory
from rota.ids import format_slot
from rota.keepers.account import end_of
from rota.keepers.admission import Admission, Admitted, Decision, Settled, Settlement
from rota.runs import RunStatus
from rota.runtime_specs.base import SessionSettings
from rota.runtimes.kind import Shape
from rota.steps import AdmitInput, AnnounceInput, NeedInput, PrepareInput, SettleInput
from rota.turns.calls import INLINE_OUTPUT
from rota.turns.memory import MemoryTooLargeError, MemoryVersion, apply_patches
from rota.turns.transcript import RunContext
from rota.usage import Usage


class RunDeskActivities(RunDesk):
    """Short look-ups; the workflows run them as local activities.

    Args:
        client: Reaches the keepers.
        store: Of contexts and results.
        toolbox: What this worker has for the agents.
        runtimes: Of the worker; None: services are not looked at before a run.
    """

    def __init__(
        self,
        client: Client,
        store: ObjectStore,
        toolbox: Toolbox,
        runtimes: OpenRuntimes | None = None,
    ) -> None:
        self._client = client
        self._store = store
        self._readiness = Readiness(store, toolbox, runtimes)

    @activity.defn(name="admit_run")
    async def admit_run(self, input: AdmitInput) -> Admitted:
        """Ask for admission; if it is *go*, check preflight and write the run's context.

        Raises:
            ApplicationError: not retryable, the agent is not declared.
        Idempotency: by the run's key in the keeper; a coalesced slot's run starts under
            the id that the schedule itself would give it.
        """
        request = input.request
        if input.schedule_id is not None:
            request = await with_passed_slots(
                self._client, input.schedule_id, request, datetime.now(UTC)
            )
        admission = await ask_admission(self._client, input.agent, request)
        if admission.coalesced_into is not None:
            await start_coalesced(self._client, admission, input.task_queue)
        return await self._prepared(PrepareInput(admission=admission))

    @activity.defn(name="prepare_run")
    async def prepare_run(self, input: PrepareInput) -> Admitted:
        """Preflight, context and team's reservation of a run that had to wait. Idempotent.

        The context holds what the run waited for: its upstreams' results, whole, as
        `needs.<agent>` of the input, and the fencing numbers of its locks.
        """
        return await self._prepared(input)

    @activity.defn(name="ask_need")
    async def ask_need(self, input: NeedInput) -> NeedAnswer:
        """Ask another agent's keeper for a slot. Idempotent by the waiter's key.

        Raises:
            ApplicationError: not retryable, the upstream is not declared.
        """
        return await ask_upstream(self._client, input.upstream, input.request)

    @activity.defn(name="announce_run")
    async def announce_run(self, input: AnnounceInput) -> None:
        """Publish the run's events. Idempotency: each topic knows an event by its id."""
        for event in input.events:
            await announce(
                self._client,
                event,
                source=input.source,
                task_queue=input.task_queue,
                lineage=input.lineage,
            )

    @activity.defn(name="settle_run")
    async def settle_run(self, input: SettleInput) -> Settled:
        """Store the new memory version and report the end.

        Idempotency: by the run's key in the keeper; a memory version is content-addressed.
            If another run changed the memory meanwhile, the patches are laid over its
            version and the report is repeated: no update is lost.
        """
        settlement = input.settlement
        unknown = Usage()
        if settlement.status is not RunStatus.SUCCEEDED:
            turn = settlement.turns + 1
            unknown = await unanswered_attempts(self._store, settlement.run, turn)
            if settlement.turns == 0:
                unknown = unknown.plus(await unanswered_summaries(self._store, settlement.run))
            usage = settlement.usage.plus(unknown)
            settlement = settlement.model_copy(update={"usage": usage})
        settlement = await with_size(self._store, settlement)
        while True:
            if input.patches:
                try:
                    memory = await self._new_memory(settlement.base_memory, input)
                    settlement = settlement.model_copy(update={"memory": memory})
                except MemoryTooLargeError as error:
                    settlement = _failed(settlement, str(error))
            settled = await report_settlement(self._client, input.agent, settlement)
            if not settled.conflict:
                if team := settled.team if input.team is None else input.team:
                    await settle_team(self._client, team, end_of(settlement))
                return settled.model_copy(update=_unknown_of(unknown))
            settlement = settlement.model_copy(update={"base_memory": settled.memory})

    async def _prepared(self, input: PrepareInput) -> Admitted:
        admission = input.admission
        if admission.decision is not Decision.GO:
            return Admitted(admission=admission, output=await self._inline(admission.output))
        if admission.spec.kind == "Pipeline":
            # Its nodes are runs of their own, and have contexts of their own.
            return Admitted(admission=admission)
        admission = await admitted_fork(self._store, admission)
        spec = await self._readiness.check(admission)
        if isinstance(spec, Admitted):
            return spec
        needs = {name: await self._result(run) for name, run in input.upstream.items()}
        context = RunContext(
            run_id=admission.run.id,
            run_key=admission.run.key,
            spec=admission.spec,
            # In the context alone: through history the results would travel in full.
            input={**admission.input, "needs": needs} if needs else admission.input,
            memory=admission.memory,
            baseline=admission.baseline,
            conversation=admission.conversation.head if admission.conversation else None,
            covers=admission.covers,
            slot=format_slot(admission.slot) if admission.slot else None,
            session=admission.session,
            lineage=admission.lineage,
            fences=input.fences,
            requester=admission.requester,
            foreign_input=_is_foreign(admission, input.upstream.values()),
        )
        if await self._is_tainted(admission, input.upstream.values()):
            context = context.model_copy(update={"tainted": True})
            admission = admission.model_copy(update={"tainted": True})
        digest = await put_record(self._store, await context_with_fork(self._store, context))
        # Last: what is reserved before something fails, nobody hears of.
        admission = await reserve_admitted(self._client, admission)
        return Admitted(admission=admission, context=digest, **_runtime_facts(spec))

    async def _is_tainted(self, admission: Admission, upstream: Iterable[UpstreamRun]) -> bool:
        """Whether what the run begins with may hold the words of people outside the team."""
        accepted = admission.baseline.accepted if admission.baseline else None
        given = (admission.conversation, admission.lineage, accepted, *upstream)
        if any(each is not None and each.tainted for each in given):
            return True
        try:
            memory = await get_memory(self._store, admission.memory)
        except ObjectMissingError:
            return False  # told by the first turn, which needs it
        return memory is not None and bool(memory.tainted_by)

    async def _result(self, run: UpstreamRun) -> dict[str, Any]:
        """What a run is given of another that it needs."""
        try:
            output = await get_json(self._store, run.output) if run.output else None
        except ObjectMissingError as error:
            raise ApplicationError(
                f"the result of {run.run.id}, which this run needs, is not in this worker's "
                f"store ({self._store.address}): give all workers the same ROTA_STORE",
                type=FailureCategory.UPSTREAM.value,
                non_retryable=True,
            ) from error
        slot = format_slot(run.slot) if run.slot else None
        return {"run_id": run.run.id, "slot": slot, "output": output}

    async def _inline(self, digest: str | None) -> Any:
        """Another run's result if it is small enough to travel."""
        if digest is None:
            return None
        try:
            data = await self._store.get(digest)
        except ObjectMissingError:
            # The digest still names it: who needs the result itself is told where it is not.
            return None
        return json.loads(data) if len(data) <= INLINE_OUTPUT else None

    async def _new_memory(self, base: str | None, input: SettleInput) -> str:
        parent = await get_memory(self._store, base)
        patches = [await get_json(self._store, digest) for digest in input.patches]
        version = MemoryVersion(
            parent=base,
            version=parent.version + 1 if parent else 1,
            document=apply_patches(parent.document if parent else {}, patches),
            author=input.settlement.run.id,
            at=activity.info().scheduled_time,
            tainted_by=_tainted_by(input.settlement, parent),
        )
        return await put_record(self._store, version)


def _is_foreign(admission: Admission, upstream: Iterable[UpstreamRun]) -> bool:
    """Whether what started the run, or a result that it is given, is marked."""
    started = admission.lineage is not None and admission.lineage.tainted
    return started or any(each.tainted for each in upstream)


def _tainted_by(settlement: Settlement, parent: MemoryVersion | None) -> str:
    """Whose mark the next version has: what was laid over a marked one does not wash it."""
    if settlement.tainted:
        return settlement.run.id
    return parent.tainted_by if parent else ""


class _RuntimeFacts(TypedDict):
    shape: Shape
    converses: bool
    patience_seconds: float


def _runtime_facts(spec: AgentSpec) -> _RuntimeFacts:
    """What the run needs to know of its runtime, which preflight has found to be there."""
    kind = runtime_kind(spec.runtime.kind)
    settings = kind.settings.model_validate(spec.runtime.settings)
    waits = isinstance(settings, SessionSettings)
    return {
        "shape": kind.shape,
        "converses": kind.promises(settings).converse,
        "patience_seconds": settings.patience.total_seconds() if waits else 0.0,
    }


def _unknown_of(usage: Usage) -> dict[str, int]:
    names = ("unknown_attempts", "unknown_micros", "unknown_tokens")
    return {name: getattr(usage, name) for name in names}


def _failed(settlement: Settlement, reason: str) -> Settlement:
    return settlement.model_copy(
        update={
            "status": RunStatus.FAILED,
            "reason": reason,
            "category": FailureCategory.OUTCOME_INVALID,
            "memory": None,
            "conversation": None,
            "events": (),
        }
    )
