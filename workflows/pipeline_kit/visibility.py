"""How a run of a pipeline shows itself: search attributes, memo, current details."""

from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate

with workflow.unsafe.imports_passed_through():
    from rota.pipelines.report import without_outputs
    from rota.pipelines.run import PipelineResult
    from rota.turns.outcome import RunOrigin
    from rota.visibility import PIPELINE_MEMO
    from workflows.run_kit.visibility import COST, FAILURE, PIPELINE, ROOT, STATUS, TRIGGER


def show_origin(origin: RunOrigin) -> None:
    """Say which pipeline runs, and as part of what. One event."""
    root = origin.lineage.root if origin.lineage else origin.run.id
    workflow.upsert_search_attributes([PIPELINE.value_set(origin.agent), ROOT.value_set(root)])


def show_result(result: PipelineResult, details: str) -> None:
    """Leave the outcome where it is found without a worker. Two events."""
    updates: list[SearchAttributeUpdate[Any]] = [
        STATUS.value_set(result.status.value),
        TRIGGER.value_set(result.trigger.value),
    ]
    if result.usage.cost_micros is not None:
        updates.append(COST.value_set(result.usage.cost_micros))
    if result.category is not None:
        updates.append(FAILURE.value_set(result.category.value))
    workflow.upsert_search_attributes(updates)
    note_result(result)
    head = f"**{result.status.value}**" + (f" · {result.reason}" if result.reason else "")
    workflow.set_current_details("\n\n".join(part for part in (head, details) if part))


def note_result(result: PipelineResult) -> None:
    """Leave the result where it is found however the run closes. One event."""
    memo = without_outputs(result).model_dump(mode="json", exclude_defaults=True)
    workflow.upsert_memo({PIPELINE_MEMO: memo})
