"""Start the run of the slot that missed ones were coalesced into."""

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from rota.admission import Admission
from rota.ids import format_slot, scheduled_run_id
from rota.runs import AgentRunInput, Trigger


async def start_coalesced(client: Client, admission: Admission, task_queue: str) -> None:
    """Start it under the id its schedule would give it.

    Idempotent: if the schedule, or an earlier attempt, was quicker, nothing happens.
    """
    slot = admission.coalesced_into
    if slot is None:
        return
    agent = admission.spec.name
    try:
        await client.start_workflow(
            "AgentRun",
            AgentRunInput(agent=agent, slot=slot, trigger=Trigger.SCHEDULE),
            id=scheduled_run_id(agent, slot),
            task_queue=task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary=f"{agent} · {format_slot(slot)} · newest missed slot",
        )
    except WorkflowAlreadyStartedError:
        return
