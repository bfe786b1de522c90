"""What the runtime for Managed Agents relies on in the installed SDK.

Answers are read as JSON, so a changed SDK would not be noticed where it is used: it is
noticed here, by name.
"""

import inspect
from typing import Any, get_args, get_type_hints

import pytest
from anthropic import AsyncAnthropic, BaseModel
from anthropic.types import beta
from anthropic.types.beta import sessions
from anthropic.types.beta.sessions.beta_managed_agents_session_event_type import (
    BetaManagedAgentsSessionEventType,
)

from activities.runtimes.claude_managed_events import _ERRORS, TOLD, USES
from tests.fakes.managed_rules import CREATE_KEYS, UPDATE_KEYS

FIELDS: list[tuple[type[Any], set[str]]] = [
    (
        beta.BetaManagedAgentsSession,
        {"id", "status", "archived_at", "agent", "usage", "metadata", "budget", "created_at"},
    ),
    (beta.BetaManagedAgentsSessionAgent, {"model", "tools", "version"}),
    (beta.BetaManagedAgentsAgent, {"name", "version", "tools", "archived_at"}),
    (
        beta.BetaManagedAgentsSessionUsage,
        {
            *("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation"),
            "list_cost",
        },
    ),
    (
        beta.BetaManagedAgentsCacheCreationUsage,
        {"ephemeral_1h_input_tokens", "ephemeral_5m_input_tokens"},
    ),
    (sessions.BetaManagedAgentsAgentMessageEvent, {"id", "type", "processed_at", "content"}),
    (sessions.BetaManagedAgentsAgentCustomToolUseEvent, {"id", "name", "input", "processed_at"}),
    (sessions.BetaManagedAgentsAgentToolUseEvent, {"id", "name", "input"}),
    (sessions.BetaManagedAgentsAgentMCPToolUseEvent, {"id", "name", "input", "mcp_server_name"}),
    (sessions.BetaManagedAgentsSessionStatusIdleEvent, {"stop_reason", "processed_at"}),
    (sessions.BetaManagedAgentsSessionRequiresAction, {"event_ids", "type"}),
    (sessions.BetaManagedAgentsSessionErrorEvent, {"error"}),
    (sessions.BetaManagedAgentsUnknownErrorObject, {"type", "message", "retry_status"}),
    (sessions.BetaManagedAgentsUserMessageEvent, {"id", "content", "processed_at"}),
    (sessions.BetaManagedAgentsUserCustomToolResultEvent, {"custom_tool_use_id"}),
    (sessions.BetaManagedAgentsUserToolConfirmationEvent, {"tool_use_id"}),
    (sessions.BetaManagedAgentsSendSessionEvents, {"data"}),
]
"""Fields that are read."""

SENT: list[tuple[type[Any], set[str]]] = [
    (sessions.BetaManagedAgentsUserMessageEventParams, {"type", "content"}),
    (
        sessions.BetaManagedAgentsUserCustomToolResultEventParams,
        {"type", "custom_tool_use_id", "content", "is_error"},
    ),
    (
        sessions.BetaManagedAgentsUserToolConfirmationEventParams,
        {"type", "tool_use_id", "result", "deny_message"},
    ),
    (sessions.BetaManagedAgentsUserInterruptEventParams, {"type"}),
    (beta.BetaManagedAgentsAgentWithOverridesParams, {"type", "id", "version", "tools"}),
    (beta.BetaManagedAgentsCustomToolParams, {"type", "name", "description", "input_schema"}),
    (beta.BetaManagedAgentsBudgetLimitParam, {"type", "max_list_cost"}),
    (beta.SessionCreateParams, CREATE_KEYS),
    (beta.SessionUpdateParams, UPDATE_KEYS),
    (sessions.EventListParams, {"created_at_gte", "order", "limit", "types", "page"}),
    (beta.SessionListParams, {"agent_id", "created_at_gte", "order", "limit", "page"}),
]
"""Fields that are sent."""


@pytest.mark.parametrize(("model", "names"), FIELDS + SENT)
def test_sdk_has_the_fields_that_are_used(model: type[Any], names: set[str]):
    """A field that the SDK's types no longer have is named here first."""
    known = model.model_fields if issubclass(model, BaseModel) else get_type_hints(model)
    missing = names - set(known)
    assert not missing, f"{model.__name__} of the installed SDK has no {sorted(missing)}"


def test_sdk_has_the_events_that_are_read():
    """The kinds of events that decide are those the API documents."""
    read = {
        *(*TOLD, *USES, "agent.message", "session.error", "session.status_idle"),
        *("session.status_running", "session.status_rescheduled", "session.status_terminated"),
    }
    assert read <= set(get_args(BetaManagedAgentsSessionEventType))


def test_sdk_has_the_errors_and_stops_that_are_told_apart():
    """Each error with a category of its own exists, and no stop reason is unknown."""
    errors = _types_of(sessions.BetaManagedAgentsSessionErrorEvent, "error")
    assert errors - {"unknown_error"} == set(_ERRORS)
    stops = _types_of(sessions.BetaManagedAgentsSessionStatusIdleEvent, "stop_reason")
    assert stops == {
        *("end_turn", "requires_action", "retries_exhausted", "budget_reached", "refusal")
    }


def test_sdk_has_no_id_or_key_of_the_client_for_events():
    """If the API ever takes one, telling twice can be prevented better than by looking."""
    assert "id" not in get_type_hints(sessions.BetaManagedAgentsUserMessageEventParams)


async def test_sdk_has_the_methods_that_are_called():
    """Sessions, events and threads are where they were, with these arguments."""
    async with AsyncAnthropic(api_key="none") as client:
        api = client.beta.sessions
        methods = {
            api.create: {"agent", "environment_id", "metadata", "title", "budget"},
            api.retrieve: {"session_id"},
            api.update: {"session_id", "agent", "budget", "metadata"},
            api.archive: {"session_id"},
            api.list: {"agent_id", "created_at_gte", "order", "limit", "page"},
            api.events.list: {"session_id", "created_at_gte", "types", "order", "limit", "page"},
            api.events.send: {"session_id", "events"},
            api.threads.list: {"session_id", "statuses", "limit"},
            client.beta.agents.retrieve: {"agent_id", "version"},
            client.beta.environments.retrieve: {"environment_id"},
        }
        for method, names in methods.items():
            assert names <= set(inspect.signature(method).parameters), method.__qualname__


def _types_of(event: type[BaseModel], name: str) -> set[str]:
    """The values of `type` that the members of a union have."""
    members = get_args(event.model_fields[name].annotation)
    return {get_args(member.model_fields["type"].annotation)[0] for member in members}
