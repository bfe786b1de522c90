"""Start runs under ids of Rota's own making: coalesced slots, re-runs, backfills."""

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities import tracing
from rota.ids import format_slot, scheduled_run_id
from rota.keepers.admission import Admission, RunRef
from rota.keepers.run_orders import RunOrder
from rota.kinds import ARGUMENT_KEYS, WORKFLOW_TYPES
from rota.runs import Trigger
from rota.steps import StartRunsInput


async def start_order(client: Client, input: StartRunsInput, order: RunOrder) -> RunRef:
    """Start the run of an order; one that an earlier attempt started is found by its id.

    Raises:
        temporalio.service.RPCError: the server did not answer.
    """
    argument = {
        ARGUMENT_KEYS[input.kind]: input.name,
        "slot": format_slot(order.slot),
        "trigger": order.trigger,
        **({"by": order.by} if order.by else {}),
    }
    try:
        # Whoever happens to start it has no part in it: it begins a trace of its own.
        with tracing.at(""):
            handle = await client.start_workflow(
                WORKFLOW_TYPES[input.kind],
                argument,
                id=order.run_id,
                task_queue=input.task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                static_summary=f"{input.name} · {format_slot(order.slot)} · {order.trigger}",
            )
    except WorkflowAlreadyStartedError as error:
        return RunRef(id=order.run_id, key=error.run_id or order.run_id)
    return RunRef(id=order.run_id, key=handle.first_execution_run_id or order.run_id)


async def start_coalesced(client: Client, admission: Admission, task_queue: str) -> None:
    """Start it under the id its schedule would give it.

    Idempotent: if the schedule, or an earlier attempt, was quicker, nothing happens.
    """
    slot = admission.coalesced_into
    if slot is None:
        return
    name, kind = admission.spec.name, admission.spec.kind
    order = RunOrder(run_id=scheduled_run_id(name, slot), slot=slot, trigger=Trigger.SCHEDULE)
    input = StartRunsInput(name=name, kind=kind, task_queue=task_queue, orders=(order,))
    await start_order(client, input, order)
