"""`AgentRun`: one run of one agent, from admission to settlement."""

import asyncio
from typing import NoReturn

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from rota.runs import AgentRunResult, RunStatus
    from rota.turns.checkpoint import RunArgument
    from rota.turns.deciding import next_step
    from rota.turns.loop import AskRoom, Compact, Finish, Park, RunTools
    from workflows.run_kit import visibility
    from workflows.run_kit.checking import checked
    from workflows.run_kit.ending import finish_of, seen_through
    from workflows.run_kit.kit import RunKit


@workflow.defn(name="AgentRun")
class AgentRunWorkflow:
    """One run.

    Messages: signals `lease_granted` and `key_settled` (from its keeper), `upstream_settled`
    (from other agents' keepers), `lock_granted` (from locks), `budget_raised` (from accounts);
    updates `answer` and `raise_budget` (from people); query `status`.
    Continue-As-New: when the server suggests it, between two steps; carries the admission,
    the loop's state and the locks held, so no wait, turn or tool call is repeated.
    Replay: no patches in force.
    """

    @workflow.run
    async def run(self, input: RunArgument) -> AgentRunResult:
        """Admit, get ready, think and act until an answer is verified, settle.

        Returns:
            The result of a run that succeeded or was skipped.

        Raises:
            ApplicationError: type `RunFailed`, `RunBlocked` or `RunTimedOut`; its first
                detail is the `AgentRunResult`.
        """
        kit = RunKit(input)
        cancelled: BaseException | None = None
        try:
            finish = await kit.admit() or await kit.get_ready() or await self._work(kit)
        except (asyncio.CancelledError, FailureError) as error:
            if is_cancelled_exception(error):
                cancelled = error
            finish = finish_of(error, late=kit.late)
        result = await seen_through(kit.settle(finish))
        if cancelled is not None and result.status is RunStatus.CANCELLED:
            raise cancelled
        return _close(result)

    async def _work(self, kit: RunKit) -> Finish:
        while True:
            step = next_step(kit.loop, kit.limits, workflow.now())
            if not isinstance(step, (AskRoom, Park, Finish)):
                kit.go_on()
            visibility.show_step(step, kit.admission, kit.loop)
            if isinstance(step, Finish):
                return await checked(kit.work, step, kit.count_below)
            if isinstance(step, (AskRoom, Park)):
                finish = await kit.find_room(step)
                if finish is not None:
                    return finish
            elif isinstance(step, RunTools):
                await kit.run_tools(step)
            elif isinstance(step, Compact):
                await kit.compact(step)
            else:
                await kit.think(step)
            if kit.continuation() is not None:
                await kit.telling.finish()
            continuation = kit.continuation()
            if continuation is not None:
                workflow.continue_as_new(continuation)


def _close(result: AgentRunResult) -> AgentRunResult:
    """Return a good result; raise a bad one, so that Temporal shows the run as failed."""
    if result.status in (RunStatus.SUCCEEDED, RunStatus.SKIPPED):
        return result
    _raise_failed(result)


def _raise_failed(result: AgentRunResult) -> NoReturn:
    name = "".join(word.capitalize() for word in result.status.value.split("_"))
    raise ApplicationError(
        result.reason,
        result.model_dump(mode="json"),
        type=f"Run{name}",
        non_retryable=True,
    )
