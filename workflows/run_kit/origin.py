"""Read off the workflow execution who the run is, and what started it."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from rota.keepers.admission import RunRef
    from rota.runs import Trigger
    from rota.turns.checkpoint import RunArgument
    from rota.turns.outcome import RunOrigin
    from workflows.run_kit.visibility import SCHEDULED_AT, SCHEDULED_BY


def read_origin(input: RunArgument) -> RunOrigin:
    """Combine what the caller said with what Temporal knows of a scheduled start."""
    info = workflow.info()
    schedule_id = info.typed_search_attributes.get(SCHEDULED_BY)
    slot = input.slot or info.typed_search_attributes.get(SCHEDULED_AT)
    return RunOrigin(
        agent=input.agent,
        run=RunRef(id=info.workflow_id, key=info.first_execution_run_id),
        trigger=input.trigger or (Trigger.SCHEDULE if schedule_id else Trigger.MANUAL),
        # A schedule triggered by hand may carry fractions; slots are whole seconds.
        slot=slot.replace(microsecond=0) if slot else None,
        schedule_id=schedule_id,
        lineage=input.lineage,
        by=input.by,
    )
