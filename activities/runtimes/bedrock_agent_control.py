"""An agent's return of control as tool calls, and their results as it wants them. Pure.

The agent names an action group and a function, or a path of an API; its arguments are text
with a type beside it. Which of Rota's tools that is, `runtime.tools` says.

Source: boto3 1.44, InvokeAgent: ReturnControlPayload and ReturnControlInvocationResults.
"""

import json
from typing import Any

from activities.providers.json_fields import field, optional_field
from rota.conversation import Block, Message, Opaque, ToolCall, ToolResult
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.bedrock_agent import BedrockAgentSettings
from rota.runtimes.session import Resumed

PROVIDER = "bedrock-agent"
VENDOR = "Bedrock Agents"

_NUMBERS = ("integer", "number", "boolean", "array", "object")
"""Types whose values are JSON; every other value is text."""


def asked(control: dict[str, Any], settings: BedrockAgentSettings) -> tuple[Block, ...]:
    """Return the calls that a `returnControl` event asks for, and what answering them needs.

    Raises:
        StepError: `outcome_invalid`: it is of another shape; `tool_failed`: it asks a person
            to confirm.
    """
    invocation = field(control, "invocationId", str, VENDOR)
    blocks: list[Block] = []
    kept: list[dict[str, Any]] = []
    for index, member in enumerate(field(control, "invocationInputs", list, VENDOR)):
        kind = (
            "functionInvocationInput"
            if "functionInvocationInput" in member
            else ("apiInvocationInput")
        )
        wanted = field(member, kind, dict, VENDOR)
        _refuse_confirmation(wanted)
        call_id = f"{invocation}/{index}"
        if kind == "functionInvocationInput":
            name = field(wanted, "function", str, VENDOR)
            names = (f"{wanted['actionGroup']}/{name}", name)
        else:
            method, path = wanted.get("httpMethod", "GET"), field(wanted, "apiPath", str, VENDOR)
            names = (f"{method} {path}",)
        blocks.append(
            ToolCall(id=call_id, name=_rota_name(names, settings), args=_arguments(wanted))
        )
        keys = ("actionGroup", "function", "apiPath", "httpMethod", "agentId")
        kept.append({"call": call_id} | {key: wanted[key] for key in keys if key in wanted})
    data = {"invocationId": invocation, "inputs": kept}
    return (*blocks, Opaque(provider=PROVIDER, data=data))


def answered(resumed: Resumed) -> dict[str, Any]:
    """Return the `sessionState` that answers a return of control.

    Raises:
        StepError: `bug`: what was asked is not in the transcript.
    """
    control = next(
        (
            block.data
            for block in resumed.said.content
            if isinstance(block, Opaque) and block.provider == PROVIDER
        ),
        None,
    )
    if control is None:
        raise StepError(
            FailureCategory.BUG, f"{VENDOR}: the return of control to be answered is not on record"
        )
    results = {result.call_id: result for result in resumed.told.results}
    return {
        "invocationId": control["invocationId"],
        "returnControlInvocationResults": [
            _result(wanted, results[wanted["call"]]) for wanted in control["inputs"]
        ],
    }


def _refuse_confirmation(wanted: dict[str, Any]) -> None:
    if wanted.get("actionInvocationType") == "USER_CONFIRMATION":
        raise StepError(
            FailureCategory.TOOL_FAILED,
            f"{VENDOR}: action group {wanted.get('actionGroup')} asks a person to confirm and "
            "would then act by itself; let it return control for the result instead",
            maybe_billed=True,
        )


def _rota_name(names: tuple[str, ...], settings: BedrockAgentSettings) -> str:
    declared = next((settings.tools[name] for name in names if name in settings.tools), None)
    return declared or names[-1].replace("__", ".")


def _arguments(wanted: dict[str, Any]) -> dict[str, Any]:
    given: list[Any] = list(wanted.get("parameters") or ())
    content = optional_field(wanted, "requestBody.content", dict, VENDOR) or {}
    for part in content.values():
        given.extend(part.get("properties") or ())
    return {
        field(one, "name", str, VENDOR): _value(one.get("type"), one.get("value")) for one in given
    }


def _value(kind: str | None, text: Any) -> Any:
    if not isinstance(text, str) or kind not in _NUMBERS:
        return text
    try:
        return json.loads(text)
    except ValueError:
        # As the model wrote it: the tool's schema refuses it, and the model sees why.
        return text


def _result(wanted: dict[str, Any], result: ToolResult) -> dict[str, Any]:
    keys = ("actionGroup", "agentId")
    told: dict[str, Any] = {key: wanted[key] for key in keys if key in wanted}
    told["responseBody"] = {"TEXT": {"body": result.content}}
    # The other state, FAILURE, would end the agent's work.
    told |= {"responseState": "REPROMPT"} if result.is_error else {}
    if "function" in wanted:
        return {"functionResult": told | {"function": wanted["function"]}}
    told |= {key: wanted[key] for key in ("apiPath", "httpMethod") if key in wanted}
    return {"apiResult": told | {"httpStatusCode": 500 if result.is_error else 200}}


def words(blocks: tuple[Block, ...]) -> Message:
    """The blocks as what the agent said."""
    return Message(role="assistant", content=blocks)
