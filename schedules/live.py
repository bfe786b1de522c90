"""What the server holds of a fleet now: its schedules, its keepers, its subscriptions.

Ownership is written where it survives: on a schedule in its own memo, which no update
changes, and on its action; on a keeper in its memo. Lists come from visibility, which
may be a moment behind, so every agent known by name is also asked for directly.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from activities.encryption.foreign import own_memo
from activities.encryption.marks import RefusedPayloadError
from activities.server_errors import is_missing
from activities.server_schedule import PAUSED, Fields
from activities.side_by_side import side_by_side
from rota.ids import KEEPER_PREFIX, WATCHDOG_PREFIX, keeper_id
from rota.list_query import KEEPERS
from rota.visibility import KEEPER_MEMO, SCHEDULE_MEMO
from schedules.fields import memo_of, schedule_fields
from schedules.live_holders import LiveHolder, holders_of, live_holder, noted
from schedules.subscriptions import live_subscribers, subscriptions_of

UNREADABLE = "(not readable)"


@dataclass(frozen=True)
class LiveSchedule:
    """A schedule as the server holds it."""

    id: str
    fleet: str
    """The fleet that owns it; empty if nobody Rota knows."""
    fields: Fields
    note: str
    next_times: tuple[datetime, ...]
    """The server's own next starts, up to ten, jitter included. None fire while paused."""

    @property
    def paused(self) -> bool:
        """True if it stands still."""
        return bool(self.fields[PAUSED])


@dataclass(frozen=True)
class LiveAgent:
    """All there is of one name; nothing if the server does not know it."""

    name: str
    schedule: LiveSchedule | None
    keeper: LiveHolder | None
    subscriptions: Mapping[str, str] = field(default_factory=dict[str, str])
    """Event to the fleet for which its topic has a subscriber of this name."""


async def read_live(client: Client, fleet: str, declared: Collection[str]) -> dict[str, LiveAgent]:
    """Return the names of `declared`, and all others that `fleet` owns.

    Their subscriptions are `read_subscriptions`' to add.

    Raises:
        temporalio.service.RPCError: the server did not answer.
    """
    names = {
        *declared,
        *await _owned_schedules(client, fleet),
        *await _owned_keepers(client, fleet),
        *(name for _, name in await subscriptions_of(client, fleet)),
    }

    async def look(name: str) -> LiveAgent:
        keeper = await live_holder(client, name, keeper_id(name), KEEPER_MEMO)
        return LiveAgent(name, await live_schedule(client, name), keeper)

    return {agent.name: agent for agent in await side_by_side(sorted(names), look)}


async def read_subscriptions(
    client: Client, fleet: str, live: Mapping[str, LiveAgent], events: Collection[str]
) -> dict[str, LiveAgent]:
    """Return `live` with the subscriptions of each name.

    Args:
        client: connected.
        fleet: whose subscriptions are listed.
        live: by name.
        events: whose topics are asked directly, because declarations name them.
    """
    listed = {event for event, _ in await subscriptions_of(client, fleet)}
    asked = sorted({*events, *listed})
    answers = await side_by_side(asked, partial(live_subscribers, client))
    topics = dict(zip(asked, answers, strict=True))
    return {
        name: replace(
            agent, subscriptions={event: to[name] for event, to in topics.items() if name in to}
        )
        for name, agent in live.items()
    }


async def live_schedule(client: Client, id: str) -> LiveSchedule | None:
    """Return the schedule `id`, or None if there is none."""
    try:
        described = await client.get_schedule_handle(id).describe()
    except RPCError as error:
        if is_missing(error):
            return None
        raise
    schedule = await _decoded(client, described.schedule)
    written = await noted(described, SCHEDULE_MEMO) or memo_of(schedule)
    return LiveSchedule(
        id=id,
        fleet=str(written.get("fleet", "")),
        fields=schedule_fields(schedule),
        note=schedule.state.note or "",
        next_times=tuple(described.info.next_action_times),
    )


async def _owned_schedules(client: Client, fleet: str) -> list[str]:
    return [
        entry.id
        async for entry in await client.list_schedules()
        if not entry.id.startswith(WATCHDOG_PREFIX)
        and (await own_memo(entry, SCHEDULE_MEMO)).get("fleet") == fleet
    ]


async def _owned_keepers(client: Client, fleet: str) -> list[str]:
    listed = await holders_of(client, KEEPERS, KEEPER_MEMO, fleet)
    return [id.removeprefix(KEEPER_PREFIX) for id in listed]


async def _decoded(client: Client, schedule: Schedule) -> Schedule:
    """Return the schedule with its payloads as plain values; `schedule` itself is changed."""
    action = schedule.action
    if isinstance(action, ScheduleActionStartWorkflow):
        action.args = [await _value(client, argument) for argument in action.args]
        memo = action.memo or {}
        action.memo = {key: await _value(client, payload) for key, payload in memo.items()}
        action.static_summary = await _value(client, action.static_summary)
        action.static_details = await _value(client, action.static_details)
    return schedule


async def _value(client: Client, payload: Any) -> Any:
    if not isinstance(payload, Payload):
        return payload
    if not payload.ByteSize():  # a summary or details that were never given
        return None
    try:
        return (await client.data_converter.decode([payload]))[0]
    except (ApplicationError, RefusedPayloadError):
        # Written by hand or by another program: it differs from whatever is declared.
        return UNREADABLE
