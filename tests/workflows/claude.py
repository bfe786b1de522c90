"""Agents that think with the fake Claude API, and how their runs ended."""

from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError

from rota.runs import AgentRunResult
from rota.tools import ToolDefinition
from tests.fakes.anthropic_server import AnthropicFake
from tests.stack import Stack

QUICK_RETRY = {"attempts": 3, "backoff": "50ms"}


@dataclass
class Ending:
    """How a run that did not succeed closed."""

    kind: str
    """The failure's type: `RunFailed`, `RunBlocked`, `RunTimedOut`."""
    message: str
    result: AgentRunResult


def claude(stack: Stack, fake: AnthropicFake, **settings: Any) -> dict[str, Any]:
    """A `runtime` block that asks `fake`, with a key from a file beside the store."""
    key = stack.folder / "claude-key"
    key.write_text("sk-ant-test-0123456789\n")
    return {
        "kind": "anthropic",
        "model": "claude-haiku-4-5",
        "base_url": fake.url,
        "api_key": f"file:{key}",
        **settings,
    }


@asynccontextmanager
async def thinker(
    stack: Stack,
    fake: AnthropicFake,
    *,
    tools: Sequence[ToolDefinition] = (),
    runtime: dict[str, Any] | None = None,
    **declaration: Any,
):
    """Serve one declared agent that thinks with `fake`; yields its name."""
    name = stack.name("thinker")
    async with stack.worker(tools):
        await stack.declare(
            name,
            runtime=claude(stack, fake, **(runtime or {})),
            tools=[tool.name for tool in tools],
            **{"retry": QUICK_RETRY, **declaration},
        )
        yield name


async def ending_of(handle: WorkflowHandle[Any, Any]) -> Ending:
    """Wait for a run that must not succeed."""
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    cause = caught.value.cause
    assert isinstance(cause, ApplicationError), cause
    result = AgentRunResult.model_validate(cause.details[0])
    return Ending(kind=cause.type or "", message=cause.message, result=result)


async def events_of(handle: WorkflowHandle[Any, Any]) -> list[HistoryEvent]:
    """The run's whole history."""
    return [event async for event in handle.fetch_history_events()]


def kinds_of(events: Sequence[HistoryEvent]) -> list[str]:
    """The kinds of events, in order and without their common prefix."""
    return [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in events]


@dataclass
class Retried:
    """A step that succeeded in a later attempt."""

    attempt: int
    started_at: datetime
    """Of the attempt that succeeded, by the server's clock."""
    waited: timedelta
    """From being scheduled to the start of the attempt that succeeded."""
    last_failure: str
    """Type of the failure before: its category."""


def retried_step(events: Sequence[HistoryEvent]) -> Retried:
    """The one step of a run that needed more than one attempt."""
    scheduled = {event.event_id: event for event in events}
    started = [
        event for event in events if event.HasField("activity_task_started_event_attributes")
    ]
    (late,) = [
        event for event in started if event.activity_task_started_event_attributes.attempt > 1
    ]
    attributes = late.activity_task_started_event_attributes
    first = scheduled[attributes.scheduled_event_id]
    return Retried(
        attempt=attributes.attempt,
        started_at=late.event_time.ToDatetime(tzinfo=UTC),
        waited=late.event_time.ToDatetime() - first.event_time.ToDatetime(),
        last_failure=attributes.last_failure.application_failure_info.type,
    )
