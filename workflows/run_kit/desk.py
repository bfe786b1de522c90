"""A run's dealings with keepers, locks and topics: one local activity each."""

from datetime import timedelta
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.interface import BudgetDesk, LockDesk, RunDesk
    from rota.budgets.reservations import Grant, HoldRequest
    from rota.coordination.locks import LockAnswer, LockRequest
    from rota.coordination.upstream import NeedAnswer, NeedRequest, UpstreamRun
    from rota.ids import format_slot, keeper_id, lock_id
    from rota.keepers.admission import (
        Admission,
        AdmissionRequest,
        Admitted,
        ConversationRef,
        RunRef,
        Settled,
        Unstopped,
    )
    from rota.metrics.run_tally import RunTally
    from rota.pinned_spec import PinnedSpec
    from rota.runs import AgentRunResult, EventRecord
    from rota.steps import (
        AdmitInput,
        AnnounceInput,
        HoldInput,
        LockInput,
        NeedInput,
        PrepareInput,
        ReleaseInput,
        SettleInput,
    )
    from rota.turns.outcome import RunOrigin, settlement_of
    from workflows.activity_options import DESK_PATIENCE, desk_options


async def ask(
    origin: RunOrigin, input: dict[str, Any], patience: timedelta = DESK_PATIENCE
) -> Admitted:
    """Present the run to its keeper; on *go* preflight is done and the context written.

    Asking again changes nothing: a keeper that knows the run tells it where it stands.
    """
    options = desk_options()
    options["schedule_to_close_timeout"] = patience
    request = AdmissionRequest(
        run=origin.run,
        trigger=origin.trigger,
        slot=origin.slot,
        input=input,
        lineage=origin.lineage,
        by=origin.by,
    )
    return await workflow.execute_local_activity_method(
        RunDesk.admit_run,
        AdmitInput(
            request=request,
            agent=origin.agent,
            schedule_id=origin.schedule_id,
            task_queue=workflow.info().task_queue,
        ),
        summary=f"ask {keeper_id(origin.agent)} for admission",
        **options,
    )


async def prepare(
    granted: Admission,
    upstream: dict[str, UpstreamRun] | None = None,
    fences: dict[str, int] | None = None,
) -> Admitted:
    """Preflight and context of a run that had to wait, with what it waited for."""
    return await workflow.execute_local_activity_method(
        RunDesk.prepare_run,
        PrepareInput(admission=granted, upstream=upstream or {}, fences=fences or {}),
        summary="prepare: the wait is over",
        **desk_options(),
    )


async def ask_need(upstream: str, request: NeedRequest) -> NeedAnswer:
    """Ask another agent's keeper what has become of a slot."""
    again = " again" if request.rerun_of is not None else ""
    return await workflow.execute_local_activity_method(
        RunDesk.ask_need,
        NeedInput(upstream=upstream, request=request),
        summary=f"ask {keeper_id(upstream)} for {format_slot(request.slot)}{again}",
        **desk_options(),
    )


async def acquire_lock(lock: str, request: LockRequest) -> LockAnswer:
    """Ask for a lock, or for a place in its queue."""
    return await workflow.execute_local_activity_method(
        LockDesk.acquire_lock,
        LockInput(lock=lock, request=request, task_queue=workflow.info().task_queue),
        summary=f"ask for {lock_id(lock)}",
        **desk_options(),
    )


async def release_locks(run: RunRef, locks: tuple[str, ...]) -> None:
    """Give locks back, or leave their queues."""
    await workflow.execute_local_activity_method(
        LockDesk.release_locks,
        ReleaseInput(locks=locks, run=run),
        summary=f"give back {', '.join(locks)}",
        **desk_options(),
    )


async def hold_budget(spec: PinnedSpec, request: HoldRequest) -> Grant:
    """Ask the accounts of the run's agent and of its team for more room, or give it back."""
    return await workflow.execute_local_activity_method(
        BudgetDesk.hold_budget,
        HoldInput(request=request, team=spec.account_team),
        summary=f"ask for a reservation, the {request.number}. of this run",
        **desk_options(),
    )


async def announce(origin: RunOrigin, events: tuple[EventRecord, ...]) -> None:
    """Publish the run's events, each to its topic; nothing at all if there are none."""
    if not events:
        return
    info = workflow.info()
    await workflow.execute_local_activity_method(
        RunDesk.announce_run,
        AnnounceInput(
            events=events,
            source=origin.run.id,
            lineage=origin.lineage,
            task_queue=info.task_queue,
        ),
        summary=f"announce {', '.join(event.name for event in events)}",
        **desk_options(),
    )


async def report(
    origin: RunOrigin,
    result: AgentRunResult,
    patches: tuple[str, ...],
    unstopped: Unstopped | None = None,
    conversation: ConversationRef | None = None,
    *,
    team: str | None = None,
    tally: RunTally | None = None,
) -> Settled:
    """Tell the keeper the end; the answer is what the ledger has of it.

    Args:
        origin: Who reports.
        result: The end.
        patches: What it has changed of its session's memory.
        unstopped: Work at a provider that may go on.
        conversation: What the session's next run begins with.
        team: Whose account is told, too; empty: none is; None: the keeper is to say.
        tally: What its calls came to.
    """
    return await workflow.execute_local_activity_method(
        RunDesk.settle_run,
        SettleInput(
            agent=origin.agent,
            settlement=settlement_of(origin.run, result, unstopped, conversation, tally),
            patches=patches,
            team=team,
        ),
        summary=f"report to {keeper_id(origin.agent)}: {result.status.value}",
        **desk_options(),
    )
