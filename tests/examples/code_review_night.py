"""The code review example on a server: its fleet in force, its triggers, its runs watched."""

import threading
from collections import Counter
from dataclasses import replace
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

from activities.server_errors import is_missing
from rota.ids import topic_id
from rota.pipelines.run import NodeResult, PipelineResult
from rota.runs import AgentRunResult
from rota.tools import ToolDefinition, ToolError
from rota.topics.topic import Published
from schedules.fleet import load_fleet
from tests.examples.code_review import TOOLS
from tests.fleets import apply_of
from tests.stack import Stack
from tests.workflows.gates import poll

Truth = dict[str, Any]
NIGHT = "nightly-review"
REVIEW = "code-review"
COMMENT = "branch, path, line, rule"


async def apply(stack: Stack) -> None:
    """Put the fleet in force as `rota apply` does."""
    await apply_of(stack, load_fleet(stack.folder))


class Busy:
    """Counts the runs that are at work between their first tool call and their last.

    The review of the commit `held` stops at its first, until the test sets `opened`. That of
    the commit `broken` fails there.
    """

    def __init__(self, held: str = "", broken: str = "") -> None:
        self.most = 0
        self.broken = broken
        self.worked: Counter[str] = Counter()
        self.opened = threading.Event()
        self._held = held
        self._now: set[str] = set()
        self._lock = threading.Lock()

    @property
    def tools(self) -> list[ToolDefinition]:
        """The fleet's tools, with the first and the last of a review watched."""

        def entered(ctx: Any, **arguments: Any) -> Any:
            with self._lock:
                self._now.add(ctx.run_id)
                self.worked[ctx.run_id] += 1
                self.most = max(self.most, len(self._now))
            if ctx.input["head"] == self.broken:
                raise ToolError("the disk is full")
            assert ctx.input["head"] != self._held or self.opened.wait(60)
            return TOOLS["git.log"](ctx, **arguments)

        def left(ctx: Any, **arguments: Any) -> Any:
            with self._lock:
                self._now.discard(ctx.run_id)
            return TOOLS["review.submit"](ctx, **arguments)

        watched = {"git.log": entered, "review.submit": left}
        return [
            replace(tool, function=watched.get(name, tool.function)) for name, tool in TOOLS.items()
        ]


async def by_hand(stack: Stack, run_id: str, head: Truth) -> WorkflowHandle[Any, AgentRunResult]:
    """Start a review of a commit."""
    return await stack.start(REVIEW, run_id, input=commit_of(head))


def commit_of(head: Truth) -> Truth:
    """The input of a review."""
    return {"repository": "shop", "branch": head["branch"], "head": head["head"]}


async def pushed(stack: Stack, head: Truth) -> None:
    """Publish what a repository's hook would."""
    topic = stack.client.get_workflow_handle(topic_id("branch.pushed"))
    request = {"id": f"{head['branch']}@{head['head']}", "payload": commit_of(head)}
    told = await topic.execute_update("publish", request, result_type=Published)
    assert not told.refused


async def forget(stack: Stack, run_id: str) -> None:
    """Delete a closed run, as the server's retention does."""
    execution = WorkflowExecution(workflow_id=run_id)
    await stack.client.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(
            namespace=stack.client.namespace, workflow_execution=execution
        )
    )

    async def gone() -> bool | None:
        try:
            await stack.client.get_workflow_handle(run_id).describe()
        except RPCError as error:
            if not is_missing(error):
                raise
            return True
        return None

    await poll(gone, 90)


def by_branch(result: PipelineResult) -> dict[str, NodeResult]:
    """The reviews of a night."""
    heads = result.nodes["branches"].output["heads"]
    items = result.nodes["review"].items or ()
    return {head["branch"]: item for head, item in zip(heads, items, strict=True)}


def planted_comments(truth: Truth) -> list[tuple[Any, ...]]:
    """What must stand in the store, each once."""
    return sorted(
        (each["branch"], finding["path"], finding["line"], finding["rule"])
        for each in truth["branches"]
        for finding in each["findings"]
    )
