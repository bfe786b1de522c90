"""What goes to Claude Managed Agents, and what its answers must hold. No I/O.

The SDK builds whatever arrives: an unknown event becomes the first member of its union, a
missing field becomes nothing. So its objects are not used: every field is read by name from
the JSON itself, with a failure that says which one is not as it should be.

Source: anthropic SDK 2.12, beta `managed-agents-2026-04-01`.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from activities.providers.json_fields import field, optional_field
from activities.providers.tool_names import ToolNames
from activities.secrets import Secrets
from rota.conversation import ToolResult, ToolSchema
from rota.failures import FailureCategory, StepError
from rota.runtimes.session import SessionRequest
from rota.usage import Usage

VENDOR = "Claude Managed Agents"

MICROS_PER_CENT = 10_000

CONSOLE = "https://platform.claude.com/workspaces/default/sessions/"
"""Where people look at a session of the public API."""

LONGEST_NAME = 128
"""Characters of a custom tool's name."""

_METADATA_LIMIT = 512


@dataclass(frozen=True)
class SessionView:
    """What is read of a session."""

    id: str
    status: str
    """`idle`, `running`, `rescheduling` or `terminated`."""
    archived: bool
    model: str
    usage: Usage
    metadata: dict[str, Any]
    tools: list[dict[str, Any]]
    capped: bool

    @staticmethod
    def read(data: Any) -> "SessionView":
        """Read the API's answer.

        Raises:
            StepError: a field is missing or of another type.
        """
        return SessionView(
            id=field(data, "id", str, VENDOR),
            status=field(data, "status", str, VENDOR),
            archived=optional_field(data, "archived_at", str, VENDOR) is not None,
            model=field(data, "agent.model.id", str, VENDOR),
            usage=read_usage(field(data, "usage", dict, VENDOR)),
            metadata=field(data, "metadata", dict, VENDOR),
            tools=field(data, "agent.tools", list, VENDOR),
            capped=optional_field(data, "budget", dict, VENDOR) is not None,
        )

    @property
    def at_work(self) -> bool:
        """Whether it spends."""
        return self.status in ("running", "rescheduling")

    @property
    def over(self) -> bool:
        """Whether it can never go on."""
        return self.archived or self.status == "terminated"


def read_usage(data: dict[str, Any]) -> Usage:
    """Read a session's use since it exists; `cost_micros` None as long as it tells no cost."""
    written = [
        optional_field(data, f"cache_creation.{life}_input_tokens", int, VENDOR) or 0
        for life in ("ephemeral_5m", "ephemeral_1h")
    ]
    return Usage(
        input_tokens=optional_field(data, "input_tokens", int, VENDOR) or 0,
        output_tokens=optional_field(data, "output_tokens", int, VENDOR) or 0,
        cache_read_tokens=optional_field(data, "cache_read_input_tokens", int, VENDOR) or 0,
        cache_write_tokens=sum(written),
        cost_micros=_cost_micros(data),
    )


def _cost_micros(usage: dict[str, Any]) -> int | None:
    if optional_field(usage, "list_cost", dict, VENDOR) is None:
        return None
    amount = field(usage, "list_cost.amount", str, VENDOR)
    currency = field(usage, "list_cost.currency", str, VENDOR)
    try:
        cents = Decimal(amount)
    except InvalidOperation:
        cents = Decimal(-1)
    if currency != "USD" or not cents.is_finite() or cents < 0:
        raise StepError(
            FailureCategory.OUTCOME_INVALID,
            f"{VENDOR}'s answer has no usable list_cost: {amount!r} {currency!r} are no US cents",
            maybe_billed=True,
        )
    return int(cents * MICROS_PER_CENT)


def budget(cap_micros: int, used: Usage) -> dict[str, Any]:
    """Limit what a session may cost since it exists: what it has used, and the cap on top.

    The API counts in cents: the sum is rounded up to one, since rounding down would stop a
    run before its cap, and no cap at all is refused.
    """
    total = (used.cost_micros or 0) + max(cap_micros, 1)
    cents = -(-total // MICROS_PER_CENT)
    return {"type": "limit", "max_list_cost": {"amount": str(cents), "currency": "USD"}}


def metadata(labels: dict[str, str]) -> dict[str, str]:
    """Labels as the API takes them."""
    return {name: value[:_METADATA_LIMIT] for name, value in labels.items()}


def tools_with(own: Iterable[dict[str, Any]], request: SessionRequest) -> list[dict[str, Any]]:
    """The managed agent's own tools, and those that run here in place of its custom ones."""
    names = tool_names(request.tools)
    kept = [_without_nulls(tool) for tool in own if tool.get("type") != "custom"]
    return kept + [
        {
            "type": "custom",
            "name": names.to_wire(tool.name),
            "description": tool.description,
            "input_schema": tool.parameters,
        }
        for tool in request.tools
    ]


def _without_nulls(tool: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in tool.items() if value is not None}


def tool_names(tools: Iterable[ToolSchema]) -> ToolNames:
    """The names of tools as the API allows them."""
    return ToolNames((tool.name for tool in tools), longest=LONGEST_NAME)


def user_message(texts: Iterable[str]) -> dict[str, Any]:
    """Words to the session; blank ones are left out, since the API refuses them."""
    content = [{"type": "text", "text": text} for text in texts if text.strip()]
    return {"type": "user.message", "content": content}


def opening_texts(request: SessionRequest, words: str) -> tuple[str, ...]:
    """What the first message says: the instructions too, since the system prompt is its own."""
    return (request.system, words)


def tool_result(result: ToolResult) -> dict[str, Any]:
    """The result of one call."""
    told: dict[str, Any] = {
        "type": "user.custom_tool_result",
        "custom_tool_use_id": result.call_id,
        "is_error": result.is_error,
    }
    if not result.content.strip():
        return told
    return told | {"content": [{"type": "text", "text": result.content}]}


def confirmation(use_id: str, refusal: str) -> dict[str, Any]:
    """Allow the use of a tool, or refuse it for a reason."""
    decided: dict[str, Any] = {"type": "user.tool_confirmation", "tool_use_id": use_id}
    if not refusal:
        return decided | {"result": "allow"}
    return decided | {"result": "deny", "deny_message": refusal}


def texts_of(event: dict[str, Any]) -> list[str]:
    """The texts of a message event; what the provider withholds has none."""
    blocks = cast("list[dict[str, Any]]", field(event, "content", list, VENDOR))
    return [field(block, "text", str, VENDOR) for block in blocks if block.get("type") == "text"]


def withheld(event: dict[str, Any]) -> bool:
    """Whether a part of a message was taken out by the provider."""
    blocks = cast("list[dict[str, Any]]", field(event, "content", list, VENDOR))
    return any(block.get("type") == "redacted" for block in blocks)


def shortened(value: Any, limit: int = 1000) -> str:
    """The JSON of a value, for people."""
    text = Secrets().redact(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
