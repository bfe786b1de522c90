"""`PipelineRun`: one run of a pipeline, a graph of agents' runs as child workflows."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from rota.pipelines.checkpoint import PipelineArgument
    from rota.pipelines.run import PipelineResult
    from rota.runs import RunStatus
    from rota.turns.loop import Finish
    from workflows.pipeline_kit.kit import PipelineKit
    from workflows.run_kit.ending import finish_of, seen_through

FAILED = "PipelineFailed"
"""Type of the failure that a run ends with."""


@workflow.defn(name="PipelineRun")
class PipelineRunWorkflow:
    """One run of a pipeline.

    Messages: signals `lease_granted` and `key_settled` (from the keeper), update `raise_budget`
    (from people), query `status`.
    Continue-As-New: when the server suggests it and no node is at work; carries the
    admission and every node's state, so no run is lost, repeated or left behind. A pipeline
    that is never idle starts nothing new from some point on, until it is.
    Replay: no patches in force.
    """

    @workflow.run
    async def run(self, input: PipelineArgument) -> PipelineResult:
        """Admit, work through the graph, settle.

        Returns:
            The result of a run that succeeded or was skipped; it lists every node.

        Raises:
            ApplicationError: type `PipelineFailed`; its first detail is the
                `PipelineResult`.
        """
        kit = PipelineKit(input)
        cancelled: BaseException | None = None
        finish: Finish | None
        try:
            finish = await kit.admit() or await kit.lay_out() or await kit.work()
        except (asyncio.CancelledError, FailureError) as error:
            if is_cancelled_exception(error):
                cancelled = error
            finish = finish_of(error)
        if finish is None:
            await kit.telling.finish()
            workflow.continue_as_new(kit.continuation)
        result = await seen_through(kit.settle(finish))
        cancelled = cancelled or kit.cancelled
        if cancelled is not None and result.status is RunStatus.CANCELLED:
            raise cancelled
        if result.status in (RunStatus.SUCCEEDED, RunStatus.SKIPPED):
            return result
        raise ApplicationError(
            result.reason, result.model_dump(mode="json"), type=FAILED, non_retryable=True
        )
