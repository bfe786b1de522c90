"""The two steps of the loop, a model turn and the tool calls it asked for, and the one before."""

import asyncio
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.interface import Compacting, Thinking, ToolListing, ToolRunning
    from rota.loop import CallRef, HandoffMode, ResultRef, Think, TurnOutcome
    from rota.questions import QuestionAnswer
    from rota.steps import CompactInput, StepInput, ToolInput, ToolsListed, TurnInput
    from workflows.activity_options import listing_options, tool_options, turn_options
    from workflows.run_kit import handoffs
    from workflows.run_kit.questions import Questions
    from workflows.run_kit.work import RunWork


async def list_tools(work: RunWork) -> ToolsListed:
    """Ask the agent's MCP servers for their tools, before the first turn."""
    workflow.set_current_details("**asking MCP servers for their tools**")
    return await workflow.execute_activity_method(
        ToolListing.list_tools,
        StepInput(**work.step_fields()),
        summary="list the tools of MCP servers",
        **listing_options(work.spec, work.remaining, work.admission.fairness_key),
    )


async def think(work: RunWork, step: Think, round: int = 0) -> TurnOutcome:
    """Ask the runtime that the run has come to for one turn.

    Args:
        work: The run.
        step: The turn.
        round: How often this turn was given to a runtime before.
    """
    spec, runtime = work.spec, work.loop.runtime
    return await workflow.execute_activity_method(
        Thinking.invoke_model,
        TurnInput(
            **work.step_fields(),
            turn=step.turn,
            results=work.loop.results,
            repair=step.repair,
            runtime=runtime,
            fallback_follows=runtime + 1 < len(spec.runtimes),
            round=round,
        ),
        summary=f"turn {step.turn} · {spec.runtime_label(runtime)}",
        **turn_options(spec, work.remaining, work.admission.fairness_key, runtime),
    )


async def compact(work: RunWork, round: int = 0) -> TurnOutcome:
    """Have the conversation that the run is to begin with summed up.

    Args:
        work: The run.
        round: How often this was given to a runtime before.
    """
    spec, runtime = work.spec, work.loop.runtime
    return await workflow.execute_activity_method(
        Compacting.compact_conversation,
        CompactInput(
            **work.step_fields(),
            runtime=runtime,
            fallback_follows=runtime + 1 < len(spec.runtimes),
            round=round,
        ),
        summary=f"sum up the conversation so far · {spec.runtime_label(runtime)}",
        **turn_options(spec, work.remaining, work.admission.fairness_key, runtime),
    )


async def run_tools(
    work: RunWork, calls: tuple[CallRef, ...], questions: Questions
) -> tuple[ResultRef, ...]:
    """Execute calls all at once; the results keep their order.

    If one fails the run, the others are still seen to their end. A transfer comes after
    them: it ends the run, so a second one is not made.
    """
    together = [call for call in calls if call.handoff is not HandoffMode.TRANSFER]
    running = (_run(work, call, questions) for call in together)
    ends = await asyncio.gather(*running, return_exceptions=True)
    results: dict[int, ResultRef] = {}
    for call, end in zip(together, ends, strict=True):
        if isinstance(end, BaseException):
            raise end
        results[call.index] = end
    for call in calls:
        if call.handoff is HandoffMode.TRANSFER:
            results[call.index] = await handoffs.transfer(work, call)
            if results[call.index].transfer is not None:
                break
    return tuple(results[call.index] for call in calls if call.index in results)


async def _run(work: RunWork, call: CallRef, questions: Questions) -> ResultRef:
    if call.handoff is HandoffMode.CALL:
        return await handoffs.call(work, call)
    result = await run_tool(work, call)
    answers: tuple[QuestionAnswer, ...] = ()
    # How often a tool may ask, the activity knows: it answers with an error then.
    while result.question is not None:
        answers = (*answers, await questions.ask(result.question))
        result = await run_tool(work, call, answers, result.question.state)
    return result


async def run_tool(
    work: RunWork,
    call: CallRef,
    answers: tuple[QuestionAnswer, ...] = (),
    state: str | None = None,
) -> ResultRef:
    """Execute one call, or go on with it once its questions are answered."""
    timeout = timedelta(seconds=call.timeout_seconds)
    return await workflow.execute_activity_method(
        ToolRunning.run_tool,
        ToolInput(
            **work.step_fields(),
            index=call.index,
            patches=work.loop.patches,
            answers=answers,
            state=state,
        ),
        summary=f"tool {call.name}",
        **tool_options(work.spec, timeout, work.remaining, work.admission.fairness_key),
    )
