"""Pipelines on a real server, as tests use them: declared as `rota apply` does, and run."""

from collections import Counter
from typing import Any

from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError

from rota.ids import keeper_id, keeper_queue
from rota.model import canonical_json
from rota.pinned_spec import PinnedSpec
from rota.pipelines.run import PipelineResult
from rota.pipelines.spec import PipelineSpec
from rota.tools import ToolDefinition, ToolError, tool
from tests.stack import Stack, script


async def declare_pipeline(stack: Stack, name: str, **declaration: Any) -> PipelineSpec:
    """Put a pipeline in force; needs a worker."""
    spec = PipelineSpec.model_validate({"name": name, **declaration})
    await stack.store.put(canonical_json(spec.document))
    keeper = await stack.client.start_workflow(
        "Agent",
        id=keeper_id(name),
        task_queue=keeper_queue(stack.task_queue),
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )
    await keeper.execute_update("declare", PinnedSpec.of(spec, fleet="test"))
    return spec


async def start_pipeline(
    stack: Stack, name: str, run_id: str, **input: Any
) -> WorkflowHandle[Any, PipelineResult]:
    """Start a run with a plain dict, as from outside."""
    return await (stack.starter or stack.client).start_workflow(
        "PipelineRun",
        {"pipeline": name, **input},
        id=run_id,
        task_queue=stack.task_queue,
        result_type=PipelineResult,
    )


async def run_pipeline(stack: Stack, name: str, run_id: str, **input: Any) -> PipelineResult:
    """Run it to its end, good or bad."""
    return await result_of(await start_pipeline(stack, name, run_id, **input))


async def result_of(handle: WorkflowHandle[Any, PipelineResult]) -> PipelineResult:
    """The result of a run that succeeded or was skipped, or that its failure carries."""
    try:
        return await handle.result()
    except WorkflowFailureError as error:
        cause = error.cause
        if not isinstance(cause, ApplicationError) or cause.type != "PipelineFailed":
            raise
        return PipelineResult.model_validate(cause.details[0])


class Flaky:
    """A tool `work.do` that fails as often as a test says, by the name it is given."""

    def __init__(self, **failures: int) -> None:
        self.calls: Counter[str] = Counter()
        self._left = Counter(failures)

    @property
    def tool(self) -> ToolDefinition:
        """The tool, bound to this counter."""

        @tool(name="work.do")
        async def do(name: str) -> dict[str, str]:
            """Do the work, or fail."""
            self.calls[name] += 1
            if self._left[name] > 0:
                self._left[name] -= 1
                raise ToolError(f"{name} broke")
            return {"value": f"{name} done"}

        return do


def worker_of(name: str) -> dict[str, Any]:
    """A declaration whose runs call `work.do` once, and fail if it does."""
    return {
        "runtime": script(
            {"calls": [{"tool": "work.do", "args": {"name": name}}]},
            # Without a value there is no answer, and the run fails.
            {"result": "{results.work_do.value}"},
        ),
        "tools": ["work.do"],
        "session": {"concurrency": "parallel"},
    }


INSTANT: dict[str, Any] = {
    "runtime": script({"result": "{input.value|done}"}),
    "session": {"concurrency": "parallel"},
}
"""A declaration whose runs answer at once with their input's `value`."""
LISTING: dict[str, Any] = {**INSTANT, "output": {"schema": {"type": "array"}}}
"""The same for an answer that is a list."""
