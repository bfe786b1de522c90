"""What Claude Managed Agents refuses of a request's body or query, as the fake does."""

import re
from datetime import datetime
from typing import Any, get_args

from anthropic.types.beta.sessions.beta_managed_agents_session_event_type import (
    BetaManagedAgentsSessionEventType,
)

EVENT_TYPES = frozenset(get_args(BetaManagedAgentsSessionEventType))
CREATE_KEYS = {
    *("agent", "environment_id", "budget", "initial_events", "metadata", "resources"),
    *("title", "vault_ids"),
}
UPDATE_KEYS = {"agent", "budget", "metadata", "title"}
EVENT_QUERY = {
    *("created_at[gt]", "created_at[gte]", "created_at[lt]", "created_at[lte]"),
    *("limit", "order", "page", "types[]"),
}
SESSION_QUERY = {
    *("agent_id", "agent_version", "created_at[gt]", "created_at[gte]", "deployment_id"),
    *("include_archived", "limit", "order", "page", "statuses[]", "beta"),
}
MESSAGE_KEYS = {"type", "content"}
_AMOUNT = re.compile(r"[1-9][0-9]*")
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")


def create_problem(body: Any) -> str | None:
    """What is wrong with the creation of a session."""
    if not isinstance(body, dict):
        return "the body is no JSON object"
    if unknown := set(body) - CREATE_KEYS:
        return f"{sorted(unknown)}: Extra inputs are not permitted"
    if "environment_id" not in body or "agent" not in body:
        return "agent and environment_id: Field required"
    agent = body["agent"]
    if isinstance(agent, dict) and agent.get("type") not in ("agent", "agent_with_overrides"):
        return "agent.type: Input should be 'agent' or 'agent_with_overrides'"
    if (
        isinstance(agent, dict)
        and agent["type"] == "agent"
        and set(agent) - {*("type", "id", "version")}
    ):
        return "agent: Extra inputs are not permitted"
    tools = agent.get("tools", []) if isinstance(agent, dict) else []
    return (
        next(filter(None, map(tool_problem, tools)), None)
        or metadata_problem(body.get("metadata", {}))
        or ("budget" in body and budget_problem(body["budget"]))
        or None
    )


def tool_problem(tool: dict[str, Any]) -> str | None:
    """What is wrong with a tool given to a session."""
    if any(value is None for value in tool.values()):
        return "tools: Input should not be null"
    if tool.get("type") != "custom":
        return None
    if not _TOOL_NAME.fullmatch(tool.get("name", "")):
        return f"tools.name: {tool.get('name')!r} does not match"
    if not tool.get("description") or tool.get("input_schema", {}).get("type") != "object":
        return "tools: description and input_schema of type object are required"
    return None


def metadata_problem(metadata: dict[str, Any]) -> str | None:
    """What is wrong with metadata."""
    if len(metadata) > 16:
        return "metadata: at most 16 pairs"
    for name, value in metadata.items():
        if len(name) > 64 or not isinstance(value, str) or len(value) > 512:
            return f"metadata.{name}: too long, or no text"
    return None


def budget_problem(budget: Any) -> str | None:
    """What is wrong with a budget."""
    match budget:
        case {"type": "limit", "max_list_cost": {"amount": str(amount), "currency": "USD"}}:
            return None if _AMOUNT.fullmatch(amount) else f"budget: amount {amount!r} is no integer"
        case _:
            return "budget: Input should be a limit with max_list_cost in USD"


def events_problem(body: Any) -> str | None:
    """What is wrong with the form of events sent."""
    if not isinstance(body, dict) or set(body) != {"events"} or not body["events"]:
        return "events: Field required"
    return next(filter(None, map(_event_problem, body["events"])), None)


def _event_problem(event: dict[str, Any]) -> str | None:
    match event:
        case {"type": "user.message", "content": list(content)} if set(event) == MESSAGE_KEYS:
            return _content_problem(content) if content else "content: must not be empty"
        case {"type": "user.custom_tool_result", "custom_tool_use_id": str()}:
            extra = set(event) - {"type", "custom_tool_use_id", "content", "is_error"}
            return f"{extra} not permitted" if extra else _content_problem(event.get("content", []))
        case {"type": "user.tool_confirmation", "tool_use_id": str(), "result": "allow" | "deny"}:
            told = "deny_message" in event
            return "deny_message: only with deny" if told and event["result"] == "allow" else None
        case {"type": "user.interrupt"} if set(event) == {"type"}:
            return None
        case _:
            return f"events: {event.get('type')!r} is no valid event"


def _content_problem(content: list[Any]) -> str | None:
    for block in content:
        if set(block) != {"type", "text"} or block["type"] != "text":
            return "content: text blocks expected"
        if not block["text"].strip():
            return "content: text must not be blank"
    return None


def query_problem(query: dict[str, list[str]], known: set[str]) -> str | None:
    """What is wrong with the query of a list."""
    if unknown := set(query) - known - {"beta"}:
        return f"{sorted(unknown)}: unknown parameters"
    if unknown := set(query.get("types[]", [])) - EVENT_TYPES:
        return f"types: {sorted(unknown)} are no event types"
    if not 1 <= int(query.get("limit", ["20"])[0]) <= 1000:
        return "limit: must be 1 to 1000"
    if query.get("order", ["asc"])[0] not in ("asc", "desc"):
        return "order: asc or desc"
    for name, values in query.items():
        if name.startswith("created_at"):
            try:
                if datetime.fromisoformat(values[0]).tzinfo is None:
                    return f"{name}: no time zone"
            except ValueError:
                return f"{name}: no RFC 3339 time"
    return None
