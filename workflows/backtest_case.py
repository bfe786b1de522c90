"""`BacktestCase`: a past run run again, its calls answered from the record.

The decisions and the model's turns are those of a run. What a run owes the world is left out:
no admission, no slot, no settlement, no word to anybody; and no call of a tool but of one that
reads, was never called so before, and may be asked.
"""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.interface import WhatIf
    from rota.budgets.spec import OnExceeded
    from rota.budgets.spending import at_most, left, shortage, spent
    from rota.failures import FailureCategory
    from rota.keepers.admission import Admission, Admitted, Decision
    from rota.runs import RunStatus, Trigger
    from rota.steps import ToolInput
    from rota.tools import Effect
    from rota.turns.calls import CallRef, ResultRef
    from rota.turns.deciding import next_step
    from rota.turns.limits import Limits
    from rota.turns.loop import Finish, LoopState, RunTools, Think
    from rota.turns.outcome import RunOrigin
    from rota.usage import Usage
    from rota.what_if.backtest import (
        LENDER,
        CallSource,
        CaseEnd,
        CaseInput,
        CaseResult,
        CaseState,
        OpenCaseInput,
        ServedCall,
        ServeInput,
        Unrecorded,
    )
    from workflows.handoff_options import reading_options
    from workflows.run_kit import steps
    from workflows.run_kit.checking import checked
    from workflows.run_kit.clock import RunClock
    from workflows.run_kit.ending import finish_of, seen_through
    from workflows.run_kit.fallback import held_in
    from workflows.run_kit.money import needed_in
    from workflows.run_kit.tool_calls import run_tool
    from workflows.run_kit.work import RunWork
    from workflows.what_if_options import LAST, QUEUE_PATIENCE, case_options


class _EndedError(Exception):
    """The case has ended before its conversation has."""

    def __init__(self, end: CaseEnd, reason: str) -> None:
        super().__init__(reason)
        self.end = end


@workflow.defn(name="BacktestCase")
class BacktestCaseWorkflow:
    """One case.

    Messages: none.
    Continue-As-New: when the server suggests it, between two steps; carries the loop's state.
    Cancellation: ends it; what it has spent is in its result all the same.
    Replay: no patches in force.
    """

    @workflow.init
    def __init__(self, input: CaseInput) -> None:
        self._input = input
        # Behind every run of the fleet: a backtest has time.
        self._spec = spec = input.case.spec.model_copy(update={"priority": LAST})
        now = workflow.now()
        state = input.state or CaseState(
            loop=LoopState(
                head=input.case.head,
                compacted=input.case.head is not None,
                pins=input.case.pins,
            ),
            began=now,
            deadline=now + timedelta(seconds=spec.wall_clock_seconds) + QUEUE_PATIENCE,
        )
        self._state = state
        self._loop = state.loop
        self._clock = RunClock(state.deadline, None)
        self._origin = RunOrigin(agent=input.agent, run=input.run, trigger=Trigger.RERUN)
        admission = Admission(decision=Decision.GO, run=input.run, spec=spec)
        self._admitted = Admitted(admission=admission, context=input.case.context)

    @workflow.run
    async def run(self, input: CaseInput) -> CaseResult:
        """Play the case to its end."""
        try:
            await self._open()
            finish = await checked(self._work, await self._play())
        except _EndedError as ended:
            return self._result(ended.end, str(ended))
        except (asyncio.CancelledError, FailureError) as error:
            # A turn may be under way that nobody hears of, and that is paid all the same.
            used = await seen_through(self._used())
            if is_cancelled_exception(error):
                return self._result(CaseEnd.CANCELLED, "cancelled by request", used=used)
            return self._result(CaseEnd.BLOCKED, _reason(error), used=used)
        if finish.status is RunStatus.TIMED_OUT:
            return self._result(CaseEnd.BLOCKED, "its steps waited too long for a worker", finish)
        if finish.status is RunStatus.SUCCEEDED:
            return self._result(CaseEnd.ANSWERED, "", finish)
        short = shortage(self._limits, self._loop.tree, 0, self._loop.needed)
        lent = short is not None and short.lent and finish.category is FailureCategory.LIMIT_REACHED
        end = CaseEnd.OVER_BUDGET if lent else CaseEnd.FAILED
        return self._result(end, finish.reason, finish)

    async def _open(self) -> None:
        """Ask a worker whether it has what the case needs, once."""
        if self._input.state is not None:
            return
        workflow.set_current_details("**looking whether it can be played here**")
        opened = await workflow.execute_activity_method(
            WhatIf.open_case,
            OpenCaseInput(
                **self._work.step_fields(),
                tape=self._input.case.tape,
                dollars=self._input.allowance.micros is not None,
            ),
            summary="can it be played here?",
            **case_options(self._work.spec, self._work.remaining),
        )
        if opened.blocked:
            raise _EndedError(CaseEnd.BLOCKED, opened.blocked)
        self._state = self._state.model_copy(update={"effects": opened.effects})

    async def _play(self) -> Finish:
        while True:
            step = next_step(self._loop, self._limits, workflow.now())
            if isinstance(step, Finish):
                return step
            if isinstance(step, RunTools):
                workflow.set_current_details(f"**turn {self._loop.turn}** · calls, from the record")
                self._loop = self._loop.after_tools(await self._served(step.calls))
            elif isinstance(step, Think):
                workflow.set_current_details(f"**thinking, turn {step.turn}**")
                await self._think(step)
            else:
                raise _EndedError(CaseEnd.BLOCKED, f"a case takes no step {type(step).__name__}")
            if workflow.info().is_continue_as_new_suggested():
                state = self._state.model_copy(update={"loop": self._loop})
                workflow.continue_as_new(self._input.model_copy(update={"state": state}))

    async def _think(self, step: Think) -> None:
        try:
            outcome = await steps.think(self._work, step, self._loop.rounds)
        except ActivityError as error:
            needed = needed_in(error)
            if needed is None:
                raise
            self._loop = self._loop.after_refusal(needed, self._loop.rounds + 1)
            return
        self._loop = self._loop.after_turn(outcome)

    async def _served(self, calls: tuple[CallRef, ...]) -> tuple[ResultRef, ...]:
        """Answer a turn's calls; reads that may be made are made all at once."""
        work = self._work
        served = await workflow.execute_activity_method(
            WhatIf.serve_calls,
            ServeInput(
                **work.step_fields(),
                tape=self._input.case.tape,
                unrecorded=self._input.unrecorded,
                patches=self._loop.patches,
            ),
            summary="from the record: " + ", ".join(call.name for call in calls)[:200],
            **case_options(work.spec, work.remaining),
        )
        self._count(served.calls)
        for call in served.calls:
            if call.source is CallSource.UNRECORDED:
                fails = self._input.unrecorded is Unrecorded.FAIL
                end = CaseEnd.FAILED if fails else CaseEnd.DIVERGED
                raise _EndedError(end, f"the past run never called {call.shown}")
        made = (self._made(work, call, calls[call.index]) for call in served.calls)
        return tuple(await asyncio.gather(*made))

    async def _made(self, work: RunWork, call: ServedCall, ref: CallRef) -> ResultRef:
        if call.result is not None:
            return call.result
        # Said twice, by whoever serves and here: nothing but a read is ever made.
        if call.source is not CallSource.READ or ref.effect is not Effect.READ or ref.approval:
            raise _EndedError(CaseEnd.DIVERGED, f"{ref.name} is not only read")
        result = await run_tool(work, ref, ToolInput(**work.step_fields(), index=ref.index))
        if result.question is not None or result.unknown is not None:
            raise _EndedError(CaseEnd.DIVERGED, f"{ref.name} asks a person")
        return result

    def _count(self, calls: tuple[ServedCall, ...]) -> None:
        sources = dict(self._state.sources)
        for call in calls:
            sources[call.source] = sources.get(call.source, 0) + 1
        new = tuple(call.shown for call in calls if call.shown)
        told = {"sources": sources, "unrecorded": (*self._state.unrecorded, *new)[:50]}
        self._state = self._state.model_copy(update=told)

    async def _used(self) -> Usage:
        """What it has used as the store has it; if that does not say, all that it might have."""
        try:
            read = await workflow.execute_local_activity_method(
                WhatIf.case_use,
                self._input.run,
                summary="read what it has used",
                **reading_options(),
            )
        except ActivityError:
            return self._loop.usage.plus(
                at_most(left(self._input.allowance, spent(self._loop.usage)))
            )
        return read.usage or self._loop.usage

    @property
    def _limits(self) -> Limits:
        spec = self._spec
        return Limits(
            turns=spec.max_turns,
            tokens=spec.run_tokens,
            cost_micros=spec.run_micros,
            steps=spec.run_steps,
            call_micros=spec.call_micros,
            lent_room=self._input.allowance,
            lender=LENDER,
            on_exceeded=OnExceeded.FAIL,
            deadline=self._state.deadline,
        )

    @property
    def _work(self) -> RunWork:
        return RunWork(self._origin, self._admitted, self._loop, self._clock, self._limits)

    def _result(
        self,
        end: CaseEnd,
        reason: str,
        finish: Finish | None = None,
        used: Usage | None = None,
    ) -> CaseResult:
        loop, state = self._loop, self._state
        return CaseResult(
            run_id=self._input.case.run_id,
            end=end,
            reason=reason,
            head=loop.head if loop.turn else None,
            answer=finish.answer if finish else None,
            checks=finish.checks if finish else (),
            patches=loop.patches,
            turns=loop.turn,
            usage=used or loop.usage,
            sources=state.sources,
            unrecorded=state.unrecorded,
            effects=state.effects,
            seconds=(workflow.now() - state.began).total_seconds(),
        )


def _reason(error: BaseException) -> str:
    held = held_in(error)
    return held.text if held is not None else finish_of(error).reason
