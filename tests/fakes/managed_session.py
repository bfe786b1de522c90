"""One session of the fake of Claude Managed Agents: its log, its status, and how it works."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any

from tests.fakes.managed_turns import Tally, Turn, error_event, stop_event

Json = dict[str, Any]

LAG_SECONDS = 0.03
"""How long a late session stays idle after it was told something."""

_numbers = count(1)


def new_id(prefix: str) -> str:
    """An id that no other object of any fake has."""
    return f"{prefix}_{next(_numbers):020d}"


def now() -> str:
    """The time in milliseconds: coarse enough for events to share an instant."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Refused(Exception):
    """The session cannot take this now."""


class FakeSession:
    """A session. Everything happens on the server's loop.

    Args:
        body: With which it was created.
        agent: The resolved agent.
        next_turn: What it does next; raises LookupError if nothing is scripted.
        released: Ends every hang.
        late: It takes its time: see `ManagedFake`.
        tell: Told the type of webhook event, and its id, when its status has changed.
    """

    def __init__(
        self,
        body: Json,
        agent: Json,
        next_turn: Callable[[], Turn],
        released: asyncio.Event,
        late: bool = False,
        tell: Callable[[str, str], None] = lambda kind, session: None,
    ) -> None:
        self.id = new_id("sesn")
        self.body = body
        self.agent = agent
        self.metadata: dict[str, str] = dict(body.get("metadata", {}))
        self.budget: Json | None = body.get("budget")
        self.created_at = now()
        self.archived_at: str | None = None
        self.status = "idle"
        self.events: list[Json] = []
        self.tally = Tally()
        self.told: list[str] = []
        """The key written on it when it was told a message, for each message."""
        self.interrupts = 0
        self.thread_at_work = False
        self._next_turn = next_turn
        self._released = released
        self._late = late
        self._tell = tell
        self._interrupted = asyncio.Event()
        self._pending: dict[str, str] = {}
        self._work: set[asyncio.Task[None]] = set()
        self._starting = False
        if late:
            self._idle("end_turn")

    def view(self) -> Json:
        """As the API shows it."""
        return {
            "id": self.id,
            "type": "session",
            "agent": self.agent,
            "archived_at": self.archived_at,
            "budget": self.budget,
            "created_at": self.created_at,
            "updated_at": self.created_at,
            "environment_id": self.body["environment_id"],
            "metadata": self.metadata,
            "outcome_evaluations": [],
            "resources": [],
            "stats": {},
            "status": self.status,
            "title": self.body.get("title"),
            "usage": self.tally.usage(),
            "vault_ids": self.body.get("vault_ids", []),
        }

    def archive(self) -> None:
        """Close it; safe to repeat."""
        if self.status != "idle":
            raise Refused(f"session is {self.status}: interrupt it first")
        self.archived_at = self.archived_at or now()

    def take(self, events: list[Json]) -> list[Json]:
        """Take in what a client sends."""
        if self.archived_at or self.status == "terminated":
            raise Refused("session is archived or terminated")
        taken = [self._take(event) for event in events]
        if self.status == "idle" and not self._pending:
            if any(event["type"] != "user.interrupt" for event in events):
                self._start()
        elif self.status == "idle":
            self._idle("requires_action")
        return taken

    def _take(self, event: Json) -> Json:
        match event["type"]:
            case "user.interrupt":
                if self.status != "running":
                    raise Refused(f"session is {self.status}: there is nothing to interrupt")
                self.interrupts += 1
                self._interrupted.set()
            case "user.message":
                if self.status != "idle" or self._pending or self._starting:
                    raise Refused("session is not waiting for a message")
                self.told.append(self.metadata.get("rota_key", ""))
            case "user.custom_tool_result":
                self._answer(event["custom_tool_use_id"], custom=True)
            case _:
                self._answer(event["tool_use_id"], custom=False)
        return self._emit(event["type"], event)

    def _answer(self, use: str, *, custom: bool) -> None:
        if (self._pending.get(use) == "agent.custom_tool_use") is not custom or use not in (
            self._pending
        ):
            raise Refused(f"{use} is not waiting for that")
        del self._pending[use]

    async def end(self) -> None:
        """Leave off all work."""
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)

    def run_hosted(self) -> None:
        """Let the environment's workers give the results that the session waits for."""
        for use in [*self._pending]:
            del self._pending[use]
            self._emit("user.tool_result", {"tool_use_id": use, "content": []})
        self._start()

    def _start(self) -> None:
        self._interrupted.clear()
        self._starting = self._late
        self.status = self.status if self._late else "running"
        task = asyncio.get_running_loop().create_task(self._play())
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _play(self) -> None:
        if self._starting:
            await asyncio.sleep(LAG_SECONDS)
            self._starting = False
        if self.archived_at:
            return
        self.status = "running"
        self._emit("session.status_running")
        self._tell("session.status_run_started", self.id)
        try:
            turn = self._next_turn()
        except LookupError:
            self.status = "terminated"
            self._emit("session.status_terminated")
            return
        start = self._emit("span.model_request_start")["id"]
        await self._wait(turn.seconds)
        for _ in range(turn.thinks):
            self._emit("agent.thinking")
            await self._wait(turn.pause)
        if turn.hang:
            await self._wait(None)
        self.tally.add(turn)
        usage = {"input_tokens": turn.input, "output_tokens": turn.output}
        self._emit(
            "span.model_request_end", {"model_request_start_id": start, "model_usage": usage}
        )
        if self._interrupted.is_set():
            self._idle("end_turn")
            return
        self._say(turn)
        if turn.terminates:
            self.status = "terminated"
            self._emit("session.status_terminated")
            self._tell("session.status_terminated", self.id)
        else:
            self._idle(self._reason(turn))
        await asyncio.sleep(turn.thread_seconds)
        self.thread_at_work = False
        if turn.thread_seconds:
            self._tell("session.thread_idled", self.id)

    def _say(self, turn: Turn) -> None:
        if turn.stranger:
            self._emit(turn.stranger, {"content": {"new": True}, "stop_reason": 7})
        for text in turn.says:
            self._emit("agent.message", {"content": [{"type": "text", "text": text}]})
        for name, args in turn.calls:
            self._use("agent.custom_tool_use", {"name": name, "input": args})
        for name, args in turn.asks:
            server, _, tool = name.rpartition("/")
            body: Json = {"name": tool, "input": args, "evaluated_permission": "ask"}
            if server:
                self._use("agent.mcp_tool_use", body | {"mcp_server_name": server})
            else:
                self._use("agent.tool_use", body)
        for name in turn.hosted:
            self._use(
                "agent.tool_use", {"name": name, "input": {}, "evaluated_permission": "allow"}
            )
        if turn.error:
            self._emit("session.error", error_event(*turn.error))
        self.thread_at_work = turn.thread_seconds > 0

    def _use(self, kind: str, body: Json) -> None:
        self._pending[self._emit(kind, body)["id"]] = kind

    def _reason(self, turn: Turn) -> str:
        if self.budget and self.tally.cents >= int(self.budget["max_list_cost"]["amount"]):
            self._pending.clear()
            return "budget_reached"
        return "requires_action" if self._pending else turn.stop

    def _idle(self, reason: str) -> None:
        self.status = "idle"
        for event in self.events:
            event["processed_at"] = event["processed_at"] or now()
        self._emit("session.status_idle", stop_event(reason, list(self._pending)))
        self._tell("session.status_idled", self.id)

    async def _wait(self, seconds: float | None) -> None:
        """Wait so long, for ever with None; an interrupt ends it, as the release does."""
        if seconds == 0:
            return
        waits = [asyncio.ensure_future(self._interrupted.wait())]
        if seconds is None:
            waits.append(asyncio.ensure_future(self._released.wait()))
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def _emit(self, kind: str, body: Json | None = None) -> Json:
        at = None if self._late and kind.startswith("user.") else now()
        event = {**(body or {}), "id": new_id("sevt"), "type": kind, "processed_at": at}
        self.events.append(event)
        return event
