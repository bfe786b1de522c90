"""A run's building blocks, bound to the workflow execution that uses them.

`AgentRun` is built from these, and so may be a team's own workflow class: admit, think,
run tools, settle. Each method is one step of the life of a run and leaves the kit's state
(`loop`, `admission`) ready for the next.
"""

import asyncio
from datetime import timedelta
from typing import TypedDict

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.interface import Thinking, ToolRunning
    from rota.admission import Admission, Admitted, Decision, RunRef
    from rota.checkpoint import RunArgument, RunCheckpoint
    from rota.loop import CallRef, Finish, Limits, LoopState, ResultRef, RunTools, Think
    from rota.outcome import result_of
    from rota.runs import AgentRunResult, RunStatus
    from rota.steps import ToolInput, TurnInput
    from rota.usage import Usage
    from workflows.activity_options import tool_options, turn_options
    from workflows.run_kit import desk, visibility
    from workflows.run_kit.origin import read_origin


class StepFields(TypedDict):
    """The part every step's input has in common."""

    agent: str
    run: RunRef
    context: str
    head: str | None
    attempts: int
    backoff_seconds: float
    max_backoff_seconds: float


class RunKit:
    """One run in progress. Create it first thing in the workflow's `run`."""

    def __init__(self, input: RunArgument) -> None:
        checkpoint = input.checkpoint
        self.input = input
        self._origin = read_origin(input)
        self.loop = checkpoint.loop if checkpoint else LoopState()
        self._admitted = checkpoint.admitted if checkpoint else None
        self._deadline = checkpoint.deadline if checkpoint else None
        self._granted: Admission | None = None
        self.status = RunStatus.RUNNING
        workflow.set_signal_handler("lease_granted", self._on_lease_granted)
        workflow.set_query_handler("status", self._describe)

    @property
    def admission(self) -> Admission:
        """The keeper's answer; only after `admit`."""
        if self._admitted is None:
            raise RuntimeError("admit the run first")
        return self._admitted.admission

    @property
    def limits(self) -> Limits:
        """What the run may consume; only after `admit` said go."""
        spec = self.admission.spec
        deadline = self._deadline or workflow.now()
        return Limits(turns=spec.max_turns, tokens=spec.run_tokens, deadline=deadline)

    @property
    def past_deadline(self) -> bool:
        """True once the wall-clock limit is reached."""
        return self._deadline is not None and workflow.now() >= self._deadline

    async def admit(self) -> Finish | None:
        """Ask the keeper; wait for the session if need be.

        Returns:
            None if the run may work, else how it closes: skipped, or blocked by preflight.
        """
        if self._admitted is not None:
            return None
        workflow.set_current_details("**asking for admission**")
        # Known from here on, so that whatever happens next is settled.
        self._admitted = admitted = await desk.ask(self._origin, self.input.input)
        if admitted.admission.decision is Decision.WAIT:
            self._admitted = admitted = await self._wait_for_lease(admitted.admission)
        elif admitted.admission.decision is Decision.GO:
            visibility.show_admitted(admitted.admission, RunStatus.RUNNING, self._origin.trigger)
        spec = admitted.admission.spec
        self._deadline = workflow.now() + timedelta(seconds=spec.wall_clock_seconds)
        if admitted.admission.decision is Decision.SKIP:
            return Finish(status=RunStatus.SKIPPED, reason=admitted.admission.reason)
        if admitted.blocked:
            return Finish(
                status=RunStatus.BLOCKED, reason=admitted.blocked, category=admitted.category
            )
        return None

    async def think(self, step: Think) -> None:
        """Take one model turn."""
        spec = self.admission.spec
        outcome = await workflow.execute_activity_method(
            Thinking.invoke_model,
            TurnInput(
                **self._step_fields(),
                turn=step.turn,
                results=self.loop.results,
                repair=step.repair,
            ),
            summary=f"turn {step.turn} · {spec.model or spec.runtime_kind}",
            **turn_options(spec, self._remaining()),
        )
        self.loop = self.loop.after_turn(outcome)

    async def run_tools(self, step: RunTools) -> None:
        """Execute all open calls at once; results keep the order of the calls.

        If one fails the run, the others are still seen to their end.
        """
        ends = await asyncio.gather(
            *(self._run_tool(call) for call in step.calls), return_exceptions=True
        )
        results: list[ResultRef] = []
        for end in ends:
            if isinstance(end, BaseException):
                raise end
            results.append(end)
        self.loop = self.loop.after_tools(tuple(results))

    async def settle(self, finish: Finish) -> AgentRunResult:
        """Report the end to the keeper: memory, usage, events, lease. Safe to repeat."""
        self.status = finish.status
        result = self._result(finish)
        # Also without an answer to the admission: it may have been given and not heard.
        if finish.status is not RunStatus.SKIPPED:
            succeeded = finish.status is RunStatus.SUCCEEDED
            patches = self.loop.patches if succeeded else ()
            settled = await desk.report(self._origin, result, patches)
            unknown = Usage(unknown_attempts=settled.unknown_attempts)
            self.loop = self.loop.model_copy(update={"usage": self.loop.usage.plus(unknown)})
            if settled.status not in (None, finish.status):
                # The ledger has another end, and has it for good: tell the same one.
                finish = finish.model_copy(
                    update={
                        "status": settled.status,
                        "reason": settled.reason,
                        "category": settled.category,
                    }
                )
            self.status = finish.status
            result = self._result(finish).model_copy(update={"memory": settled.memory})
        visibility.show_result(result)
        return result

    def continuation(self) -> RunArgument | None:
        """What to continue as new with, or None while history has room."""
        if self._admitted is None or self._deadline is None:
            return None
        if not workflow.info().is_continue_as_new_suggested():
            return None
        checkpoint = RunCheckpoint(admitted=self._admitted, loop=self.loop, deadline=self._deadline)
        return self.input.model_copy(update={"checkpoint": checkpoint})

    async def _wait_for_lease(self, waiting: Admission) -> Admitted:
        self.status = RunStatus.QUEUED
        visibility.show_admitted(waiting, RunStatus.QUEUED, self._origin.trigger)
        visibility.show_waiting(waiting)
        await workflow.wait_condition(lambda: self._granted is not None)
        assert self._granted is not None
        admitted = await desk.prepare(self._granted)
        self.status = RunStatus.RUNNING
        visibility.show_status(RunStatus.RUNNING)
        return admitted

    async def _run_tool(self, call: CallRef) -> ResultRef:
        timeout = timedelta(seconds=call.timeout_seconds)
        return await workflow.execute_activity_method(
            ToolRunning.run_tool,
            ToolInput(
                **self._step_fields(),
                index=call.index,
                patches=self.loop.patches,
            ),
            summary=f"tool {call.name}",
            **tool_options(self.admission.spec, timeout, self._remaining()),
        )

    def _step_fields(self) -> StepFields:
        spec = self.admission.spec
        context = self._admitted.context if self._admitted else ""
        return {
            "agent": self.input.agent,
            "run": self._origin.run,
            "context": context,
            "head": self.loop.head,
            "attempts": max(2, spec.retry_attempts),
            "backoff_seconds": spec.retry_backoff_seconds,
            "max_backoff_seconds": spec.retry_max_backoff_seconds,
        }

    def _remaining(self) -> timedelta:
        return self.limits.deadline - workflow.now()

    def _result(self, finish: Finish) -> AgentRunResult:
        admission = self._admitted.admission if self._admitted else None
        return result_of(self._origin, admission, self.loop, finish, workflow.now())

    def _on_lease_granted(self, admission: Admission) -> None:
        # The workflow id may have been used before: a grant for an older run is not ours.
        if admission.run.key == self._origin.run.key:
            self._granted = admission

    def _describe(self) -> dict[str, object]:
        return {
            "status": self.status.value,
            "turn": self.loop.turn,
            "tool_calls": self.loop.tool_calls,
            "tokens": self.loop.usage.tokens,
            "waiting_for": [call.name for call in self.loop.calls],
        }
