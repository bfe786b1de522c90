"""How a run shows itself: search attributes, memo, current details."""

from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributeUpdate

with workflow.unsafe.imports_passed_through():
    from rota.checks.verdicts import checks_line
    from rota.coordination.lineage import Lineage
    from rota.ids import format_slot
    from rota.keepers.admission import Admission
    from rota.runs import AgentRunResult, RunStatus
    from rota.turns.loop import Compact, LoopState, RunTools, Step, Think
    from rota.turns.outcome import RunOrigin
    from rota.usage import Usage, format_cost
    from rota.visibility import RESULT_MEMO

AGENT = SearchAttributeKey.for_keyword("RotaAgent")
TEAM = SearchAttributeKey.for_keyword("RotaTeam")
STATUS = SearchAttributeKey.for_keyword("RotaStatus")
TRIGGER = SearchAttributeKey.for_keyword("RotaTrigger")
PIPELINE = SearchAttributeKey.for_keyword("RotaPipeline")
ROOT = SearchAttributeKey.for_keyword("RotaRoot")
FAILURE = SearchAttributeKey.for_keyword("RotaFailure")
SLOT = SearchAttributeKey.for_datetime("RotaSlot")
TURNS = SearchAttributeKey.for_int("RotaTurns")
TOKENS = SearchAttributeKey.for_int("RotaTokens")
COST = SearchAttributeKey.for_int("RotaCostMicros")
SCHEDULED_AT = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")
SCHEDULED_BY = SearchAttributeKey.for_keyword("TemporalScheduledById")


def show_admitted(admission: Admission, status: RunStatus, origin: RunOrigin) -> None:
    """Say who runs, why, for which slot and as part of what. One event."""
    updates: list[SearchAttributeUpdate[Any]] = [
        AGENT.value_set(admission.spec.name),
        TEAM.value_set(admission.spec.team),
        STATUS.value_set(status.value),
        TRIGGER.value_set(origin.trigger.value),
        *_place(origin.run.id, origin.lineage),
    ]
    if admission.slot is not None:
        updates.append(SLOT.value_set(admission.slot))
    workflow.upsert_search_attributes(updates)


def show_status(status: RunStatus) -> None:
    """Change the status alone. One event."""
    workflow.upsert_search_attributes([STATUS.value_set(status.value)])


def show_result(result: AgentRunResult) -> None:
    """Leave the outcome where it is found without a worker. Two events."""
    updates: list[SearchAttributeUpdate[Any]] = [
        AGENT.value_set(result.agent),
        STATUS.value_set(result.status.value),
        TRIGGER.value_set(result.trigger.value),
        *_place(result.run_id, result.lineage),
        TURNS.value_set(result.turns),
        TOKENS.value_set(result.usage.tokens),
    ]
    if result.usage.cost_micros is not None:
        updates.append(COST.value_set(result.usage.cost_micros))
    if result.category is not None:
        updates.append(FAILURE.value_set(result.category.value))
    workflow.upsert_search_attributes(_news(updates))
    note_result(result)
    lines = [f"**{result.status.value}**" + (f" · {result.reason}" if result.reason else "")]
    lines += [checks_line(result.checks)] if result.checks else []
    lines.append(_consumed(result.turns, result.tool_calls, result.usage))
    workflow.set_current_details("\n\n".join(lines))


def note_result(result: AgentRunResult) -> None:
    """Leave the result where it is found however the run closes. One event."""
    memo = result.model_copy(update={"output": None}).model_dump(mode="json", exclude_defaults=True)
    workflow.upsert_memo({RESULT_MEMO: memo})


def show_waiting(status: RunStatus, texts: list[str], origin: RunOrigin) -> None:
    """Say what a run that stands still waits for. No event."""
    lines = [f"**{status.value}** · {text}" for text in texts] or [f"**{status.value}**"]
    if origin.lineage is not None:
        lines.append(origin.lineage.cause)
    workflow.set_current_details("\n\n".join(lines))


def show_step(step: Step, admission: Admission, loop: LoopState) -> None:
    """Say what the run is doing right now. No event."""
    spec = admission.spec
    lines: list[str] = []
    if isinstance(step, Think):
        doing = f"thinking, turn {step.turn} of {spec.max_turns}"
        if step.repair:
            doing += ", mending a result that did not fit"
        lines.append(f"**{doing}** · {spec.runtime_label(loop.runtime)}")
    elif isinstance(step, Compact):
        label = spec.runtime_label(loop.runtime)
        lines.append(f"**summing up the conversation so far** · {label}")
    elif isinstance(step, RunTools):
        lines.append("**waiting for tools** · " + ", ".join(call.name for call in step.calls))
    if admission.slot is not None:
        since = admission.covers.start if admission.covers else None
        start = format_slot(since) if since else "the beginning"
        lines.append(f"slot {format_slot(admission.slot)}, covers from {start}")
    if admission.lineage is not None:
        lines.append(admission.lineage.cause)
    lines.append(_consumed(loop.turn, loop.tool_calls, loop.usage))
    workflow.set_current_details("\n\n".join(lines))


def _news(updates: list[SearchAttributeUpdate[Any]]) -> list[SearchAttributeUpdate[Any]]:
    """Leave out what is set already: each value that is sent is encoded and stored anew."""
    known = workflow.info().typed_search_attributes
    return [update for update in updates if known.get(update.key) != update.value]


def _place(run_id: str, lineage: Lineage | None) -> list[SearchAttributeUpdate[Any]]:
    """What the run is part of."""
    updates: list[SearchAttributeUpdate[Any]] = [
        ROOT.value_set(lineage.root if lineage else run_id)
    ]
    if lineage is not None and lineage.pipeline:
        updates.append(PIPELINE.value_set(lineage.pipeline))
    return updates


def _consumed(turns: int, tool_calls: int, usage: Usage) -> str:
    cost = format_cost(usage.counted_micros)
    if usage.cost_micros is None:
        # Not one word alone: the priced part of it is money that was spent.
        cost = f"{cost} and unpriced answers" if usage.counted_micros else "unpriced"
    unknown = f", {format_cost(usage.unknown_micros)} unknown" if usage.unknown_attempts else ""
    return f"{turns} turns, {tool_calls} tool calls, {usage.tokens} tokens, {cost}{unknown}"
