"""The steps that ask a runtime: a turn, the summary before it, and the list of others' tools.

The tool calls of a turn are in `tool_calls`.
"""

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.interface import Compacting, Thinking, ToolListing
    from rota.failures import FailureCategory
    from rota.runs import RunStatus
    from rota.steps import CompactInput, StepInput, ToolsListed, TurnInput
    from rota.turns.loop import Finish, Think, TurnOutcome
    from workflows.activity_options import listing_options, turn_options
    from workflows.run_kit.ending import finish_of
    from workflows.run_kit.work import RunWork


async def list_tools(work: RunWork) -> ToolsListed | Finish:
    """Ask the agent's MCP servers for their tools, before the first turn.

    Returns:
        The list; or that the run is blocked: a tool is not there or not as it was pinned, or
        its server could not be asked, whatever was tried.

    Raises:
        ActivityError: the run was cancelled, its time is up, or it is a mistake of Rota's.
    """
    workflow.set_current_details("**asking MCP servers for their tools**")
    try:
        return await workflow.execute_activity_method(
            ToolListing.list_tools,
            StepInput(**work.step_fields()),
            summary="list the tools of MCP servers",
            **listing_options(work.spec, work.remaining, work.admission.fairness_key),
        )
    except ActivityError as error:
        if not isinstance(error.cause, ApplicationError):
            raise
        finish = finish_of(error)
        if finish.category is FailureCategory.BUG:
            raise
        # Before anything was spent, and the same for each run until somebody mends it.
        return finish.model_copy(update={"status": RunStatus.BLOCKED})


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
            allowance=work.allowance,
            soft=work.soft,
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
            allowance=work.allowance,
            soft=work.soft,
        ),
        summary=f"sum up the conversation so far · {spec.runtime_label(runtime)}",
        **turn_options(spec, work.remaining, work.admission.fairness_key, runtime),
    )
