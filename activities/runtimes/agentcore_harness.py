"""What AgentCore's harness is told, and what it says. Pure.

The harness runs the loop: its own tools there, this agent's as inline functions. When it wants
one of those it stops, forgets that it asked, and goes on once it is told both again: what it
asked for, and what came of it.

Source: boto3 1.44, InvokeHarness; AgentCore developer guide, "Connect to tools".
"""

from typing import Any

from activities.providers.converse_blocks import from_wire, to_wire
from activities.providers.converse_stream import StreamedMessage
from activities.providers.tool_names import ToolNames
from rota.conversation import Message, StopReason
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.agentcore import AgentCoreSettings
from rota.runtimes.session import SessionRequest
from rota.usage import Usage

PROVIDER = "agentcore"
VENDOR = "AgentCore's harness"

_LONGEST_DESCRIPTION = 4096

_STOPS = {
    "end_turn": StopReason.END_TURN,
    "stop_sequence": StopReason.END_TURN,
    "tool_use": StopReason.TOOL_CALLS,
    "max_tokens": StopReason.MAX_TOKENS,
    "max_output_tokens_exceeded": StopReason.MAX_TOKENS,
    "content_filtered": StopReason.REFUSED,
    "hook_stopped": StopReason.REFUSED,
    "model_context_window_exceeded": StopReason.CONTEXT_OVERFLOW,
}
_FAILURES = {
    "max_iterations_exceeded": (
        FailureCategory.LIMIT_REACHED,
        "it used up its iterations; raise runtime.max_iterations",
    ),
    "timeout_exceeded": (
        FailureCategory.LIMIT_REACHED,
        "its loop took too long; raise runtime.limit",
    ),
    "partial_turn": (FailureCategory.OUTCOME_INVALID, "it ended in the middle of a turn"),
    "interrupted": (FailureCategory.TRANSIENT, "it was interrupted"),
    "malformed_model_output": (FailureCategory.TRANSIENT, "its model wrote what it cannot read"),
    "malformed_tool_use": (FailureCategory.TRANSIENT, "its model wrote a call it cannot read"),
    "tool_result": (FailureCategory.TRANSIENT, "the stream ended between two rounds"),
}


def tool_names(request: SessionRequest) -> ToolNames:
    """Map the names of the tools, and of what was called before."""
    said = request.resumed.said.tool_calls if request.resumed else ()
    return ToolNames((tool.name for tool in request.tools), (call.name for call in said))


def harness_body(
    request: SessionRequest, settings: AgentCoreSettings, session: str, names: ToolNames
) -> dict[str, Any]:
    """Build the arguments of `invoke_harness`."""
    body: dict[str, Any] = {
        "harnessArn": settings.arn,
        "runtimeSessionId": session,
        "messages": to_wire(_messages(request), names, PROVIDER),
    }
    optional: dict[str, Any] = {
        "qualifier": settings.qualifier,
        "maxIterations": settings.max_iterations,
        "maxTokens": settings.max_output_tokens,
        "actorId": settings.actor,
    }
    body |= {name: value for name, value in optional.items() if value is not None}
    if settings.limit is not None:
        body["timeoutSeconds"] = int(settings.limit.total_seconds())
    if settings.model is not None:
        body["model"] = {"bedrockModelConfig": {"modelId": settings.model}}
    if request.system.strip():
        body["systemPrompt"] = [{"text": request.system}]
    if request.tools:
        body["tools"] = [
            {
                "type": "inline_function",
                "name": names.to_wire(tool.name),
                "config": {
                    "inlineFunction": {
                        "description": (tool.description.strip() or tool.name)[
                            :_LONGEST_DESCRIPTION
                        ],
                        "inputSchema": tool.parameters,
                    }
                },
            }
            for tool in request.tools
        ]
    if settings.allowed_tools is not None:
        own = (f"@{names.to_wire(tool.name)}" for tool in request.tools)
        body["allowedTools"] = [*settings.allowed_tools, *own]
    return body


def read_stop(last: StreamedMessage, names: ToolNames, used: Usage) -> tuple[Message, StopReason]:
    """Return what the harness said last, and why it stopped.

    Raises:
        StepError: it stopped in a way that no answer comes of. What it used is in the text.
    """
    message = Message(role="assistant", content=tuple(from_wire(last.content, names, PROVIDER)))
    reason = last.stop or ""
    stop = _STOPS.get(reason)
    if stop is StopReason.END_TURN and message.tool_calls:
        stop = StopReason.TOOL_CALLS
    if stop is StopReason.TOOL_CALLS and not message.tool_calls:
        reason, stop = "tool_result", None  # It called a tool of its own, and then fell silent.
    if stop is None:
        category, text = _FAILURES.get(
            reason, (FailureCategory.OUTCOME_INVALID, "it stopped in a way Rota does not know")
        )
        raise _failed(category, f"{text} ({reason}); {used.tokens} tokens were used")
    if stop is StopReason.END_TURN and not message.text:
        raise _failed(FailureCategory.OUTCOME_INVALID, "it ended without an answer")
    return message, stop


def _messages(request: SessionRequest) -> list[Message]:
    if request.resumed is None:
        return [request.opening]
    said, told = request.resumed.said, request.resumed.told
    if told.message is not None:
        return [told.message]
    return [said, Message(role="user", content=told.results)]


def _failed(category: FailureCategory, text: str) -> StepError:
    return StepError(category, f"{VENDOR}: {text}", maybe_billed=True)
