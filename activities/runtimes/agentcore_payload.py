"""What an agent of one's own on AgentCore Runtime is given, and what it gives. Pure.

AgentCore carries bytes: what they mean is between the agent and whoever calls it. Most agents
take JSON with a `prompt` and give JSON, text, or an event stream of either.

Source: boto3 1.44, InvokeAgentRuntime; events as the bedrock-agentcore SDK for agents writes
them.
"""

import json
from typing import Any, cast

from activities.providers.mapped_answers import answer_message, mapped_answer
from rota.conversation import StopReason
from rota.failures import FailureCategory, StepError
from rota.language.templates import TemplateError, render
from rota.runtime_specs.agentcore import AgentCoreSettings
from rota.runtimes.session import Collected, SessionRequest

VENDOR = "AgentCore"
JSON_TYPE = "application/json"
_EVENTS_TYPE = "text/event-stream"


def payload(request: SessionRequest, settings: AgentCoreSettings) -> bytes:
    """Build the JSON that the agent takes.

    Raises:
        StepError: `invalid_request`: `runtime.payload` names what this run does not have.
    """
    context = request.context
    if settings.payload is None:
        given: Any = {
            "prompt": f"{request.system}\n\n{request.opening.text}".strip(),
            "input": context.get("input"),
            "memory": context.get("memory"),
            "slot": context.get("slot"),
            "idempotency_key": request.key,
            **({"tainted": True} if context.get("tainted") else {}),
        }
    else:
        words = {"task": request.opening.text, "instructions": request.system, "key": request.key}
        try:
            given = render(settings.payload, {**context, **words})
        except TemplateError as error:
            raise StepError(FailureCategory.INVALID_REQUEST, f"runtime.payload: {error}") from None
    return json.dumps(given, ensure_ascii=False).encode()


def read_answer(content_type: str, body: bytes, settings: AgentCoreSettings) -> Collected:
    """Return what the agent gave as the final answer.

    Raises:
        StepError: `transient` if it was cut; `tool_failed` if it says that the agent failed;
            `outcome_invalid` if it is empty, or not what `runtime.answer` says. All may have
            been billed.
    """
    kind = content_type.partition(";")[0].strip().lower()
    try:
        text = body.decode()
        if kind == _EVENTS_TYPE:
            document = _streamed(text)
        else:
            document = json.loads(text) if kind == JSON_TYPE else text
    except ValueError as error:
        raise _failed(
            FailureCategory.TRANSIENT, f"the answer is cut or no {kind or 'text'}: {error}"
        ) from None
    if document in ("", None, {}, []):
        raise _failed(FailureCategory.OUTCOME_INVALID, "the agent gave no answer")
    if isinstance(document, str):
        return Collected(message=answer_message(document), stop=StopReason.END_TURN)
    try:
        return mapped_answer(document, settings.answer, vendor="the agent on AgentCore")
    except StepError as error:
        error.maybe_billed = True
        raise


def _streamed(text: str) -> Any:
    """Read an event stream: the last object, or else all texts, joined.

    Raises:
        StepError: `tool_failed`: an event says that the agent failed.
    """
    pieces: list[str] = []
    last: Any = None
    for block in text.replace("\r\n", "\n").split("\n\n"):
        lines = [line[5:].removeprefix(" ") for line in block.split("\n") if line[:5] == "data:"]
        if not lines:
            continue
        data = _told("\n".join(lines))
        if isinstance(data, str):
            pieces.append(data)
            continue
        last = data
        if isinstance(data, dict) and "error" in data and "error_type" in data:
            told = cast("dict[str, Any]", data)
            raise _failed(
                FailureCategory.TOOL_FAILED,
                f"the agent failed: {told['error_type']}: {told['error']}",
            )
    return "".join(pieces) if last is None else last


def _told(data: str) -> Any:
    """The JSON of an event, or its text: agents that write events by hand send bare words."""
    try:
        return json.loads(data)
    except ValueError:
        return data


def _failed(category: FailureCategory, text: str) -> StepError:
    return StepError(category, f"{VENDOR}: {text}", maybe_billed=True)
