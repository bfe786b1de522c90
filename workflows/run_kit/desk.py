"""A run's dealings with its keeper, as local activities: ask, prepare, report."""

from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.interface import RunDesk
    from rota.admission import Admission, AdmissionRequest, Admitted, Settled
    from rota.ids import keeper_id
    from rota.outcome import RunOrigin, settlement_of
    from rota.runs import AgentRunResult
    from rota.steps import AdmitInput, PrepareInput, SettleInput
    from workflows.activity_options import desk_options


async def ask(origin: RunOrigin, input: dict[str, Any]) -> Admitted:
    """Present the run to its keeper; on *go* preflight is done and the context written."""
    request = AdmissionRequest(
        run=origin.run,
        trigger=origin.trigger,
        slot=origin.slot,
        input=input,
        lineage=origin.lineage,
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
        **desk_options(),
    )


async def prepare(granted: Admission) -> Admitted:
    """Preflight and context of a run whose session became free."""
    return await workflow.execute_local_activity_method(
        RunDesk.prepare_run,
        PrepareInput(admission=granted),
        summary="prepare: the session is free",
        **desk_options(),
    )


async def report(origin: RunOrigin, result: AgentRunResult, patches: tuple[str, ...]) -> Settled:
    """Tell the keeper the end; the answer is what the ledger has of it."""
    return await workflow.execute_local_activity_method(
        RunDesk.settle_run,
        SettleInput(
            agent=origin.agent,
            settlement=settlement_of(origin.run, result),
            patches=patches,
        ),
        summary=f"report to {keeper_id(origin.agent)}: {result.status.value}",
        **desk_options(),
    )
