"""Where approvals are asked for, and where they are checked before a call is made.

Activity side: the arguments are at hand here and nowhere else. Both sides make the request from
the record (declaration, transcript, call), so what a run has made of a decision on its way from
one to the other counts for nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, cast

from pydantic_core import to_jsonable_python

from activities.effect_records import EffectRecords
from activities.safekeeping import kept
from activities.schema_problems import schema_problems
from activities.stores.base import ObjectStore
from activities.tools.call import ArgumentsError, check_arguments
from rota.agent_spec import AgentSpec
from rota.approvals.requests import (
    INLINE_ARGUMENTS,
    ApprovalRequest,
    Ruling,
    Verdict,
    request_digest,
)
from rota.approvals.rules import needs_approval, why_forged
from rota.approvals.spec import NEVER, ApprovalRule, rule_for
from rota.conversation import ToolCall
from rota.coordination.handoffs import handoff_of, handoff_schema
from rota.effects.records import EffectStage
from rota.failures import FailureCategory, StepError
from rota.model import canonical_json, content_digest
from rota.tools import Effect, ToolDefinition
from rota.turns.transcript import RunContext
from rota.what_if.forks import approval_rule


@dataclass(frozen=True)
class Permit:
    """What may become of a call."""

    call: ToolCall
    """As it may be made: with the arguments that were approved."""
    refusal: str = ""
    """Why it may not be made, for the model to read; empty if it may."""
    ruling: Ruling | None = None
    """What was decided, for the record; None if nothing had to be."""


def argument_problems(spec: AgentSpec, tool: ToolDefinition | None, call: ToolCall) -> str:
    """Say why the arguments of a call do not fit, for the model to read; empty if they do.

    Args:
        spec: The agent's.
        tool: None for a call of another agent.
        call: What is to be called.
    """
    if tool is None:
        handoff = handoff_of(call.name)
        if handoff is None:
            return f"there is no tool '{call.name}'"
        schema = handoff_schema(call.name, handoff, spec.handoffs.get(handoff.agent))
        problems = schema_problems(schema.parameters, call.args, whole="the arguments")
        return f"{call.name}: " + "; ".join(problems) if problems else ""
    try:
        check_arguments(tool, call.args)
    except ArgumentsError as error:
        return str(error)
    return ""


def request_of(
    spec: AgentSpec, context: RunContext, tool: ToolDefinition | None, call: ToolCall
) -> ApprovalRequest | None:
    """What a person has to decide about a call; None if nothing.

    Nobody is asked about a call that is refused anyway: its arguments do not fit.
    """
    found = approval_rule(spec, context, tool, call.name)
    if found is None or argument_problems(spec, tool, call):
        return None
    key, rule = found
    if not any(needs_approval(rule, view) for view in _views(tool, call)):
        return None
    return ApprovalRequest(
        tool=call.name,
        digest=_digest(context, call.name, call.args, call.key),
        arguments=call.args,
        key=key,
        rule=_in_zone(rule, spec),
        read_only=tool is not None and tool.effect is Effect.READ,
        park_seconds=spec.budget.park_for.total_seconds(),
    )


def request_of_provider(
    spec: AgentSpec, context: RunContext, tool: str, arguments: Mapping[str, Any], asked: str
) -> ApprovalRequest | Literal[True] | None:
    """What the agent's rules say to a call that a provider makes itself, if it is allowed.

    Args:
        spec: The agent's.
        context: The run's.
        tool: Its name at the provider.
        arguments: As the provider tells them.
        asked: The provider's id of its question.

    Returns:
        What a person has to decide; True if no person is needed; None if no rule says so.
    """
    found = rule_for(spec.approvals, tool)
    if found is None:
        return None
    key, rule = found
    if rule.when == NEVER:
        return True
    if not needs_approval(rule, arguments):
        return None
    return ApprovalRequest(
        tool=tool,
        digest=_digest(context, tool, arguments, asked),
        arguments=dict(arguments),
        key=key,
        rule=_in_zone(rule, spec),
        editable=False,
        park_seconds=spec.budget.park_for.total_seconds(),
    )


async def is_answered(store: ObjectStore, tool: ToolDefinition | None, call: ToolCall) -> bool:
    """Whether the receipt of exactly this call answers it: it is not made, so nobody is asked."""
    if tool is None or tool.effect is Effect.READ or tool.refresh:
        return False
    record = await EffectRecords(store).newest(call.key)
    return (
        record is not None
        and record.stage is EffectStage.HAPPENED
        and (record.tool, record.arguments) == (call.name, content_digest(call.args))
    )


async def made_small(
    store: ObjectStore, request: ApprovalRequest, room: int = INLINE_ARGUMENTS
) -> ApprovalRequest:
    """The request as it may travel: arguments longer than `room` bytes are in the store."""
    data = canonical_json(request.arguments)
    if len(data) <= min(room, INLINE_ARGUMENTS):
        return request
    stored = await kept(lambda: store.put(data))
    return request.model_copy(update={"arguments": None, "stored": stored})


async def permit_of(
    store: ObjectStore,
    spec: AgentSpec,
    context: RunContext,
    tool: ToolDefinition | None,
    call: ToolCall,
    ruling: Ruling | None,
) -> Permit:
    """Check the rule and the ruling: without a valid one, nothing but a receipt answers.

    Raises:
        StepError: `invalid_request`: nobody was asked, or the ruling is not of this call.
    """
    request = request_of(spec, context, tool, call)
    if request is None or (ruling is None and await is_answered(store, tool, call)):
        return Permit(call)
    if ruling is None:
        raise StepError(
            FailureCategory.INVALID_REQUEST,
            f"{call.name} needs an approval (approvals.{request.key}), and the run brings none: "
            "it was not made",
        )
    if ruling.verdict is Verdict.DENY and ruling.digest == request.digest:
        return Permit(call, f"{call.name}: the call was {ruling.shown}", ruling.for_the_record)
    forged = why_forged(ruling, request, context.requester)
    if forged:
        raise StepError(FailureCategory.INVALID_REQUEST, f"{call.name}: {forged}: it was not made")
    if ruling.arguments is not None:
        arguments = ruling.arguments
        # Under the digest that was approved, for whoever reads the record.
        await kept(lambda: store.put(canonical_json(arguments)))
        call = call.model_copy(update={"args": arguments})
    return Permit(call, ruling=ruling.for_the_record)


def _views(tool: ToolDefinition | None, call: ToolCall) -> list[dict[str, Any]]:
    """The arguments as rules look at them: as the tool will have them, and as they were given.

    Both, for a tool may take `"PROD"` for `"prod"`, and has defaults for what is left out.
    """
    if tool is None:
        return [call.args]
    had = _plain(check_arguments(tool, call.args).model_dump(warnings=False))
    if not isinstance(had, dict):
        return [call.args]
    mapping = cast("dict[str, Any]", had)
    return [mapping, {**mapping, **call.args}]


def _plain(value: Any) -> Any:
    """As JSON, with amounts as numbers: `Decimal` would become text, and no limit hold for it."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        mapping = cast("dict[Any, Any]", value)
        return {str(key): _plain(inner) for key, inner in mapping.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in cast("list[Any]", value)]
    return to_jsonable_python(value, fallback=str)


def _digest(context: RunContext, tool: str, arguments: Mapping[str, Any], call_key: str) -> str:
    return request_digest(
        version=context.spec.digest,
        run_key=context.run_key,
        tool=tool,
        arguments=arguments,
        call_key=call_key,
    )


def _in_zone(rule: ApprovalRule, spec: AgentSpec) -> ApprovalRule:
    """The rule with the zone that its business hours mean."""
    if rule.hours is None or rule.hours.timezone is not None:
        return rule
    zone = spec.schedule.timezone if spec.schedule else "UTC"
    return rule.model_copy(update={"hours": rule.hours.model_copy(update={"timezone": zone})})
