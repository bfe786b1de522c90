"""The tool calls of a turn: made all at once, each seen through questions and lost effects."""

import asyncio
from datetime import timedelta
from typing import Protocol

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutError

with workflow.unsafe.imports_passed_through():
    from activities.interface import ToolRunning
    from rota.approvals.requests import Ruling
    from rota.effects.records import EffectResolution
    from rota.failures import FailureCategory
    from rota.steps import ToolInput
    from rota.tools import Effect
    from rota.turns.calls import CallRef, HandoffMode, ResultRef
    from rota.turns.questions import QuestionAnswer
    from rota.usage import Usage
    from workflows.activity_options import tool_options
    from workflows.effect_options import look_options
    from workflows.run_kit import handoffs
    from workflows.run_kit.approvals import Approvals
    from workflows.run_kit.effects import Effects
    from workflows.run_kit.money import Money
    from workflows.run_kit.questions import Questions
    from workflows.run_kit.work import RunWork


class People(Protocol):
    """Whom calls may have to wait for: `RunKit`."""

    questions: Questions
    effects: Effects
    approvals: Approvals
    money: Money

    @property
    def work(self) -> RunWork:
        """The run as it stands now, with what was counted since the calls began."""
        ...

    def count_below(self, used: Usage) -> None:
        """Count what a run used that this one handed work to."""
        ...


async def run_tools(
    work: RunWork, calls: tuple[CallRef, ...], people: People
) -> tuple[ResultRef, ...]:
    """Execute calls all at once, each when it is allowed; the results keep their order.

    If one fails the run, the others are still seen to their end, and what called runs used is
    counted. A transfer comes after them: it ends the run, so a second one is not made.
    """
    together = [call for call in calls if call.handoff is not HandoffMode.TRANSFER]
    last = [call for call in calls if call.handoff is HandoffMode.TRANSFER]
    running = (_run(work, call, people) for call in together)
    # Asked beside the others, so that people see all of a turn at once.
    asking = (people.approvals.ask_for(work, call) for call in last)
    ends = await asyncio.gather(*running, *asking, return_exceptions=True)
    results: dict[int, ResultRef] = {}
    rulings: dict[int, Ruling | None] = {}
    for call, end in zip((*together, *last), ends, strict=True):
        if isinstance(end, BaseException):
            raise end
        if isinstance(end, ResultRef):
            results[call.index] = end
        else:
            rulings[call.index] = end
    for call in last:
        ruling, count = rulings[call.index], people.count_below
        await _give_back(people)
        # With what the calls before it have used: that is not lent twice.
        results[call.index] = await handoffs.transfer(people.work, call, count, ruling)
        if results[call.index].transfer is not None:
            break
    return tuple(results[call.index] for call in calls if call.index in results)


async def _run(work: RunWork, call: CallRef, people: People) -> ResultRef:
    ruling = await people.approvals.ask_for(work, call)
    if call.handoff is HandoffMode.CALL:
        await _give_back(people)
        return await handoffs.call(work, call, people.count_below, ruling)
    questions, effects = people.questions, people.effects
    input = ToolInput(
        **work.step_fields(), index=call.index, patches=work.loop.patches, approval=ruling
    )
    answers: tuple[QuestionAnswer, ...] = ()
    asked = ""
    # How often a tool may ask, the activity knows: it answers with an error then.
    while True:
        result = await _made_or_found(work, call, input)
        if result.unknown is not None:
            unknown = result.unknown
            resolution = await effects.settle(unknown, work.spec)
            input = _resolving(input, resolution, unknown.version)
            asked = unknown.key if unknown.look_at is None else asked
        elif result.question is not None:
            answers = (*answers, await questions.ask(result.question))
            state = result.question.state
            input = _resolving(input, None, 0).model_copy(
                update={"answers": answers, "state": state}
            )
        else:
            break
    if asked or result.settled:
        await effects.close(asked or result.settled, call.name)
    return result


async def _give_back(people: People) -> None:
    """Let whoever works for this run have what it holds: they may ask the same accounts.

    Only once people have decided: a run that waits for them keeps it.
    """
    work = people.work
    await people.money.give_back(work.admission, work.loop)


async def run_tool(work: RunWork, call: CallRef, input: ToolInput) -> ResultRef:
    """Execute one call, or go on with it once somebody has said what it needs."""
    timeout = timedelta(seconds=call.timeout_seconds)
    return await workflow.execute_activity_method(
        ToolRunning.run_tool,
        input,
        summary=f"tool {call.name}",
        **tool_options(work.spec, timeout, work.remaining, work.admission.fairness_key),
    )


def _resolving(input: ToolInput, said: EffectResolution | None, version: int) -> ToolInput:
    about = version if said is not None else 0
    return input.model_copy(update={"resolution": said, "resolves": about})


async def _made_or_found(work: RunWork, call: CallRef, input: ToolInput) -> ResultRef:
    """Execute the call; if every attempt was lost, look what is known of its effect."""
    try:
        return await run_tool(work, call, input)
    except ActivityError as error:
        if call.effect is not Effect.WRITE or not _was_lost(error):
            raise
        try:
            looked = await workflow.execute_activity_method(
                ToolRunning.look_at_effect,
                input,
                summary=f"look what became of {call.name}",
                **look_options(work.spec, work.admission.fairness_key),
            )
        except ActivityError:
            # Nobody to ask either. What is on record stays there for the next run.
            raise error from None
        if looked.result is None:
            raise
        return looked.result


def _was_lost(error: ActivityError) -> bool:
    """True if the last attempt may have been at work: it ran out of time, or of its store."""
    cause = error.cause
    if isinstance(cause, TimeoutError):
        return True
    kinds = {category.value for category in FailureCategory if category.retryable}
    return isinstance(cause, ApplicationError) and cause.type in kinds
