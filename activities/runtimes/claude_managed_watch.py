"""One watch over a Managed Agents session: reads its events, and says what they call for."""

from collections.abc import Iterable
from typing import Literal

from activities.providers.json_fields import field, optional_field
from activities.runtimes.claude_managed_api import ManagedApi, gone
from activities.runtimes.claude_managed_events import (
    CUSTOM_USE,
    USES,
    Events,
    Json,
    Place,
    failed,
)
from activities.runtimes.claude_managed_telling import not_yet_told
from activities.runtimes.claude_managed_wire import (
    VENDOR,
    SessionView,
    confirmation,
    shortened,
    tool_names,
)
from rota.conversation import Block, Message, Text, ToolCall, ToolSchema
from rota.failures import FailureCategory, StepError
from rota.runtimes.session import Asked, Observation, SessionState
from rota.usage import Usage

REFUSAL = "not allowed here: runtime.confirm is deny"


class Watch:
    """What is known of a session since a place in its events.

    Args:
        api: Of the account.
        confirm: What becomes of tools that need a confirmation.
        session: Its id.
        tools: Those that run here.
        place: Where the events begin.
    """

    def __init__(
        self,
        api: ManagedApi,
        confirm: Literal["allow", "deny", "ask"],
        session: str,
        tools: Iterable[ToolSchema],
        place: Place,
    ) -> None:
        self._api = api
        self._confirm = confirm
        self._session = session
        self._names = tool_names(tools)
        self._place = place
        self._events = Events()
        # Kept for the whole watch: a burst of events in one instant is more than a place holds.
        self._read = set(place.ids)

    async def read(self) -> str:
        """Read new events; returns the last one in a few words, empty if there was none."""
        said = ""
        async for event in self._api.events(self._session, **self._place.filters):
            place = self._place.after(event)
            name = field(event, "id", str, VENDOR)
            if place is not None and name not in self._read:
                said = self._events.add(event)
                self._read.add(name)
                self._place = place
        return said

    async def verdict(self) -> Observation | StepError | None:
        """Say what the session needs; None: nothing, or nothing yet.

        Returns a failure of the session itself, so that it is not taken for one of the look.
        """
        events = self._events
        if events.failure is not None:
            return events.failure
        if events.over:
            return gone(self._session, "it has ended for good")
        if events.pending:
            return await self._pending(events.pending)
        if not events.ended and not events.capped:
            return None
        view = SessionView.read(await self._api.session(self._session))
        if view.over:
            return gone(self._session, "it was archived or has ended for good")
        if view.at_work or await self._api.threads_at_work(self._session):
            return None
        if events.capped and not view.capped:
            return failed(FailureCategory.LIMIT_REACHED, "it stopped at a budget that nobody set")
        state = SessionState.CAPPED if events.capped else SessionState.ENDED
        return self._observation(state, view.usage)

    async def _pending(self, pending: list[str]) -> Observation | None:
        uses = {use: await self._use(use) for use in pending}
        confirmed = [use for use, event in uses.items() if _needs_confirmation(event)]
        if confirmed and self._confirm != "ask":
            refusal = "" if self._confirm == "allow" else REFUSAL
            await self._decide([confirmation(use, refusal) for use in confirmed])
            return None
        usage = SessionView.read(await self._api.session(self._session)).usage
        if confirmed:
            asked = tuple(_asked(uses[use]) for use in confirmed)
            return self._observation(SessionState.QUESTION, usage, questions=asked)
        calls = [
            ToolCall(
                id=use,
                name=self._names.from_wire(field(event, "name", str, VENDOR)),
                args=field(event, "input", dict, VENDOR),
            )
            for use, event in uses.items()
            if event["type"] == CUSTOM_USE
        ]
        # What is left are tools that the environment's own workers run, when it is self-hosted.
        return self._observation(SessionState.TOOLS, usage, calls=calls) if calls else None

    async def _decide(self, decisions: list[Json]) -> None:
        # An earlier watch may have decided, and what it sent may not be processed yet.
        rest, _ = await not_yet_told(self._api, self._session, decisions, "")
        if rest:
            await self._api.send(self._session, rest)

    async def _use(self, use: str) -> Json:
        """The event of a use, which may be older than this watch."""
        if use not in self._events.uses:
            async for event in self._api.events(self._session, types=list(USES)):
                self._events.uses[field(event, "id", str, VENDOR)] = event
        if use not in self._events.uses:
            raise gone(self._session, f"it waits for {use}, which is none of its events")
        return self._events.uses[use]

    def _observation(
        self,
        state: SessionState,
        usage: Usage,
        calls: Iterable[ToolCall] = (),
        questions: tuple[Asked, ...] = (),
    ) -> Observation:
        texts: list[Block] = [Text(text=text) for text in self._events.texts if text.strip()]
        return Observation(
            state=state,
            message=Message(role="assistant", content=(*texts, *calls)),
            cursor=str(self._place),
            usage=usage,
            questions=questions,
        )


def _needs_confirmation(event: Json) -> bool:
    if event["type"] == CUSTOM_USE:
        return False
    return optional_field(event, "evaluated_permission", str, VENDOR) == "ask"


def _asked(event: Json) -> Asked:
    name = field(event, "name", str, VENDOR)
    server = event.get("mcp_server_name")
    tool = f"{server}/{name}" if server else name
    given = field(event, "input", dict, VENDOR)
    return Asked(
        id=field(event, "id", str, VENDOR),
        text=f"may it use {tool} with {shortened(given, 200)}?",
        data={"tool": tool, "input": shortened(given), "args": given},
    )
