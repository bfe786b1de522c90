"""What spans of traces say: OpenTelemetry's conventions for GenAI, and our own. Pure.

One closed table of attributes; docs/tracing.md is held to it, and nothing else is recorded. The
conventions are still in development, so their names stand here alone.

*Source:* open-telemetry/semantic-conventions-genai, November 2026.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from rota.conversation import StopReason
from rota.usage import Usage

Attributes = dict[str, str | int | float | tuple[str, ...]]


class Operation(StrEnum):
    """What a span is of; its name begins with it."""

    INVOKE_WORKFLOW = "invoke_workflow"
    """A run of a pipeline, or a backtest."""
    INVOKE_AGENT = "invoke_agent"
    """A run of an agent; or the work of a provider's session, watched from outside."""
    CHAT = "chat"
    """One call of a model."""
    FETCH_RESPONSE = "fetch_response"
    """The answer of a provider's session, read."""
    EXECUTE_TOOL = "execute_tool"
    """One attempt at a call of a tool."""


ATTRIBUTES: Mapping[str, str] = MappingProxyType(
    {
        "gen_ai.operation.name": "what the span is of",
        "gen_ai.agent.name": "the agent",
        "gen_ai.workflow.name": "the pipeline",
        "gen_ai.conversation.id": "agent and session, `<agent>/<session>`",
        "gen_ai.provider.name": "who answers; a kind of runtime where there is no name for it",
        "gen_ai.request.model": "the model that is asked",
        "gen_ai.response.model": "the model that answered",
        "gen_ai.response.finish_reasons": "why it stopped",
        "gen_ai.usage.input_tokens": "tokens read, cached ones included",
        "gen_ai.usage.output_tokens": "tokens written",
        "gen_ai.usage.cache_read.input_tokens": "of those read, from the provider's cache",
        "gen_ai.usage.cache_creation.input_tokens": "of those read, into the provider's cache",
        "gen_ai.tool.name": "the tool",
        "gen_ai.tool.type": "`function`",
        "gen_ai.tool.call.id": "the call, as the model names it",
        "error.type": "the category of a failure, or how the run ended; only of what went wrong",
        "rota.run": "workflow id of the run",
        "rota.slot": "the time that its schedule meant",
        "rota.turn": "the turn; 0 is the summary before the first",
        "rota.attempt": "the attempt at the step, from 1",
        "rota.status": "how the run ended",
        "rota.trigger": "why there is a run",
        "rota.turns": "turns of the whole run",
        "rota.continued": "`true` of a run that goes on in a new history, below the one before",
        "rota.request.id": "the provider's id of the request, for its support",
        "rota.cost_usd": "what the call cost; only of calls of models, so that sums are right",
        "rota.tool.effect": "`read`, `idempotent` or `write`",
    }
)
"""By name: what it means."""
CONTENT: Mapping[str, str] = MappingProxyType(
    {
        "gen_ai.system_instructions": "the agent's instructions",
        "gen_ai.input.messages": "what the model is told since the turn before",
        "gen_ai.output.messages": "what it answers",
        "gen_ai.tool.call.arguments": "what the tool is called with",
        "gen_ai.tool.call.result": "what the model reads of the call",
    }
)
"""Recorded only where content is asked for; without any secret that a worker has resolved."""

_PROVIDERS = {
    "agentcore": "aws.bedrock",
    "anthropic": "anthropic",
    "bedrock": "aws.bedrock",
    "bedrock-agent": "aws.bedrock",
    "claude-managed": "anthropic",
    "openai": "openai",
}
_FINISH = {
    StopReason.END_TURN: "stop",
    StopReason.TOOL_CALLS: "tool_call",
    StopReason.MAX_TOKENS: "length",
    StopReason.REFUSED: "content_filter",
}


def finish_reason(stop: StopReason) -> str:
    """How the conventions name why an answer ends; our own name where they have none."""
    return _FINISH.get(stop, stop.value)


def provider_of(kind: str) -> str:
    """How the conventions name who is behind a kind of runtime; else the kind itself."""
    return _PROVIDERS.get(kind, kind)


def asked(operation: Operation, kind: str, model: str | None, conversation: str) -> Attributes:
    """What is known of a call before it is made."""
    named: Attributes = {"gen_ai.request.model": model} if model else {}
    return {
        "gen_ai.operation.name": operation.value,
        "gen_ai.provider.name": provider_of(kind),
        "gen_ai.conversation.id": conversation,
        **named,
    }


def answered(stop: StopReason, model: str, usage: Usage, request_id: str | None) -> Attributes:
    """What an answer says of itself. Unpriced is not free: then there is no cost."""
    cached = usage.cache_read_tokens, usage.cache_write_tokens
    found: Attributes = {
        "gen_ai.response.model": model,
        "gen_ai.response.finish_reasons": (finish_reason(stop),),
        "gen_ai.usage.input_tokens": usage.input_tokens + sum(cached),
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": cached[0],
        "gen_ai.usage.cache_creation.input_tokens": cached[1],
    }
    if usage.cost_micros is not None:
        found["rota.cost_usd"] = usage.cost_micros / 1_000_000
    if request_id:
        found["rota.request.id"] = request_id
    return found


def conversation_of(agent: str, session: str) -> str:
    """Names a session among those of all agents: most have one named `default`."""
    return f"{agent}/{session}"
