"""The nodes' runs: child workflows that are started, ended early if need be, and read."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.exceptions import (
    ApplicationError,
    CancelledError,
    ChildWorkflowError,
    FailureError,
    TerminatedError,
    WorkflowAlreadyStartedError,
)
from temporalio.exceptions import TimeoutError as ServerTimeoutError

with workflow.unsafe.imports_passed_through():
    from rota.budgets.reservations import Cap
    from rota.coordination.lineage import Lineage
    from rota.failures import MESSAGE_LIMIT, PAYLOAD_ERROR_TYPE, FailureCategory
    from rota.ids import node_run_id
    from rota.kinds import WORKFLOW_TYPES
    from rota.pipelines.ends import result_of_run
    from rota.pipelines.moves import Start
    from rota.pipelines.node_lineage import node_lineage
    from rota.pipelines.run import NodeResult
    from rota.runs import AgentRunInput, AgentRunResult, RunStatus, Trigger
    from rota.turns.outcome import RunOrigin
    from rota.usage import Usage
    from workflows.run_kit.child_result import result_in, used_by

Place = tuple[str, int]
"""A node and the number of the place in it."""


@dataclass
class _Child:
    """One run of a node."""

    handle: workflow.ChildWorkflowHandle[Any, AgentRunResult] | None = None
    """None until the server has confirmed the start."""
    told: str = ""
    """Why it is to end early."""
    task: "asyncio.Task[NodeResult] | None" = field(default=None, repr=False)


class Children:
    """All runs at work for one run of a pipeline."""

    def __init__(self, origin: RunOrigin) -> None:
        self._origin = origin
        self._children: dict[Place, _Child] = {}
        self._starting = 0
        self.news = False
        """True once something has ended since it was set to False."""

    @property
    def starting(self) -> bool:
        """True while the server has not confirmed every start."""
        return self._starting > 0

    def __len__(self) -> int:
        return len(self._children)

    def start(
        self,
        start: Start,
        agent: str,
        deadline: datetime | None,
        *,
        tainted: bool = False,
        allowance: Cap | None = None,
    ) -> None:
        """Start a node's run; the server need not have confirmed it yet."""
        self._starting += 1
        child = _Child()
        lineage = node_lineage(self._origin, start, deadline, tainted=tainted, allowance=allowance)
        child.task = asyncio.create_task(self._run(child, start, agent, lineage))
        self._children[start.node, start.index] = child

    def cancel(self, place: Place, reason: str) -> None:
        """Have a run end early; its end comes like any other."""
        child = self._children.get(place)
        if child is None:
            return
        child.told = reason or "ended by its pipeline"
        # One whose start is not confirmed yet is told as soon as it is: a start that is
        # given up half-way could leave a run behind that nobody waits for.
        if child.handle is not None:
            child.handle.cancel(child.told)

    def ended(self) -> Iterator[tuple[Place, NodeResult]]:
        """Yield the runs that have ended, each once, in the order of their starts."""
        for place in list(self._children):
            task = self._children[place].task
            if task is not None and task.done():
                del self._children[place]
                yield place, task.result()

    async def _run(self, child: _Child, start: Start, agent: str, lineage: Lineage) -> NodeResult:
        try:
            return await self._to_its_end(child, start, agent, lineage)
        finally:
            self.news = True

    async def _to_its_end(
        self, child: _Child, start: Start, agent: str, lineage: Lineage
    ) -> NodeResult:
        origin = self._origin
        run_id = node_run_id(origin.run.id, start.node, start.attempt, start.item)
        try:
            child.handle = await workflow.start_child_workflow(
                WORKFLOW_TYPES["Agent"],
                AgentRunInput(
                    agent=agent,
                    input=dict(start.input),
                    slot=origin.slot,
                    trigger=Trigger.UPSTREAM,
                    lineage=lineage,
                    by=origin.by,
                ),
                id=run_id,
                result_type=AgentRunResult,
                parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
                cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
                static_summary=f"node {lineage.node} of {origin.agent}",
            )
        except WorkflowAlreadyStartedError:
            return NodeResult(
                status=RunStatus.FAILED,
                reason=f"a run {run_id} is at work already: end it, or let it end, first",
                category=FailureCategory.TRANSIENT,
                run_id=run_id,
                usage=Usage(),
            )
        finally:
            self._starting -= 1
        if child.told:
            child.handle.cancel(child.told)
        try:
            return result_of_run(await child.handle)
        except ChildWorkflowError as error:
            left = result_in(error.cause)
            if left is not None:
                return result_of_run(left)
            return _unread(error.cause, run_id, await used_by(child.handle, error.cause))


def _unread(cause: BaseException | None, run_id: str, used: Usage | None) -> NodeResult:
    """The end of a run that left no result; what it has used, if anybody can tell."""
    status, category = RunStatus.FAILED, FailureCategory.BUG
    reason = cause.message if isinstance(cause, FailureError) else str(cause)
    if isinstance(cause, CancelledError):
        status, reason = RunStatus.CANCELLED, "cancelled by request"
        return NodeResult(status=status, reason=reason, run_id=run_id, usage=used)
    if isinstance(cause, TerminatedError):
        # Whatever it was at may have been done.
        reason, category = "it was terminated", FailureCategory.OUTCOME_UNKNOWN
    elif isinstance(cause, ServerTimeoutError):
        status, category = RunStatus.TIMED_OUT, FailureCategory.TIMEOUT
        reason = "ended by a time limit of the server"
    elif isinstance(cause, ApplicationError) and cause.type == PAYLOAD_ERROR_TYPE:
        # It could not read its input, and so did nothing.
        category, used = FailureCategory.INVALID_REQUEST, Usage()
    return NodeResult(
        status=status, reason=reason[:MESSAGE_LIMIT], category=category, run_id=run_id, usage=used
    )
