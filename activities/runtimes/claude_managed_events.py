"""What the events of a Managed Agents session come to. No I/O.

Events have no position of their own, only an instant, and several may share one: so a place
in them is an instant and the ids already read there.

Only `type` decides what an event is; kinds that are not known here are signs of progress and
nothing else.

Source: anthropic SDK 2.12, types/beta/sessions.
"""

import json
from dataclasses import dataclass
from dataclasses import field as member
from datetime import datetime
from typing import Any, cast

from activities.providers.json_fields import field, optional_field
from activities.runtimes.claude_managed_wire import VENDOR, texts_of
from rota.failures import FailureCategory, StepError

Json = dict[str, Any]

CUSTOM_USE = "agent.custom_tool_use"
USES = (CUSTOM_USE, "agent.tool_use", "agent.mcp_tool_use")
TOLD = ("user.message", "user.custom_tool_result", "user.tool_confirmation")

_ERRORS = {
    "model_overloaded_error": FailureCategory.OVERLOADED,
    "model_rate_limited_error": FailureCategory.RATE_LIMITED,
    "model_request_failed_error": FailureCategory.TRANSIENT,
    "mcp_connection_failed_error": FailureCategory.TOOL_FAILED,
    "mcp_authentication_failed_error": FailureCategory.AUTH,
    "credential_host_unreachable_error": FailureCategory.TOOL_FAILED,
    "billing_error": FailureCategory.QUOTA,
    "tool_use_limit_reached_error": FailureCategory.LIMIT_REACHED,
    "compaction_limit_reached_error": FailureCategory.CONTEXT_OVERFLOW,
    "repository_authentication_error": FailureCategory.AUTH,
    "repository_forbidden_error": FailureCategory.AUTH,
    "repository_not_found_error": FailureCategory.INVALID_REQUEST,
    "repository_checkout_error": FailureCategory.INVALID_REQUEST,
    "repository_clone_error": FailureCategory.TOOL_FAILED,
}
"""Errors of a session; those unknown here are transient."""

_IDS_KEPT = 20
"""Ids that a place holds at most: it travels in heartbeats."""


@dataclass(frozen=True)
class Place:
    """Where reading goes on."""

    at: str = ""
    """Instant of the last event read; empty: from the first one."""
    ids: tuple[str, ...] = ()
    """Events of that instant that were read."""

    @staticmethod
    def parse(cursor: str) -> "Place":
        """Read a cursor; the empty one is the beginning."""
        if not cursor:
            return Place()
        data = json.loads(cursor)
        return Place(data["at"], tuple(data["ids"]))

    def __str__(self) -> str:
        """The cursor."""
        return json.dumps({"at": self.at, "ids": self.ids}) if self.at else ""

    @property
    def filters(self) -> Json:
        """What the events after it are listed by."""
        return {"created_at_gte": self.at} if self.at else {}

    def after(self, event: Json) -> "Place | None":
        """The place after an event; None if the event was read before, or has no instant yet."""
        at = optional_field(event, "processed_at", str, VENDOR)
        name = field(event, "id", str, VENDOR)
        if at is None or name in self.ids:
            return None
        kept = self.ids if self.is_of(event) else ()
        return Place(at, (*kept, name)[-_IDS_KEPT:])

    def is_of(self, event: Json) -> bool:
        """Whether an event happened at the place's instant."""
        at = optional_field(event, "processed_at", str, VENDOR)
        if not at or not self.at:
            return False
        return datetime.fromisoformat(at) == datetime.fromisoformat(self.at)


@dataclass
class Events:
    """What the session said since a place, and how it stands."""

    texts: list[str] = member(default_factory=list[str])
    uses: dict[str, Json] = member(default_factory=dict[str, Json])
    """Uses of tools, by id."""
    stop: Json | None = None
    """The event with which it stopped, None while it works."""
    over: bool = False
    """Ended for good, or deleted."""
    _worked: bool = False
    _answered: set[str] = member(default_factory=set[str])
    _error: StepError | None = None
    _fatal: StepError | None = None

    def add(self, event: Json) -> str:
        """Take in one event, and say it in a few words."""
        kind = field(event, "type", str, VENDOR)
        match kind:
            case "agent.message":
                self.texts += texts_of(event)
            case "agent.custom_tool_use" | "agent.tool_use" | "agent.mcp_tool_use":
                self.uses[field(event, "id", str, VENDOR)] = event
            case "session.status_running" | "session.status_rescheduled":
                self.stop = None
            case "session.status_idle":
                self.stop = event
            case "session.status_terminated" | "session.deleted":
                self.over = True
            case "session.error":
                self._fail(event)
            case "user.custom_tool_result":
                self._answered.add(field(event, "custom_tool_use_id", str, VENDOR))
            case "user.tool_confirmation":
                self._answered.add(field(event, "tool_use_id", str, VENDOR))
            case _:
                pass
        # A session is idle before it was ever told anything: that is no end.
        self._worked |= kind.startswith(("agent.", "span.", "session.status_running"))
        return kind.removeprefix("session.").replace("_", " ")

    @property
    def pending(self) -> list[str]:
        """What it waits for: ids of uses of tools, in its order."""
        if self.stop is None or stop_reason(self.stop) != "requires_action":
            return []
        asked = cast("list[str]", field(self.stop, "stop_reason.event_ids", list, VENDOR))
        return [use for use in asked if use not in self._answered]

    @property
    def ended(self) -> bool:
        """Whether it has answered, or refused to."""
        if self.stop is None or not self._worked:
            return False
        return stop_reason(self.stop) in ("end_turn", "refusal")

    @property
    def capped(self) -> bool:
        """Whether it has stopped at its budget."""
        return self.stop is not None and stop_reason(self.stop) == "budget_reached"

    @property
    def failure(self) -> StepError | None:
        """Why it will never answer; None if it may."""
        if self._fatal is not None:
            return self._fatal
        match stop_reason(self.stop) if self.stop else "":
            case "retries_exhausted":
                return self._error or failed(FailureCategory.TRANSIENT, "its retries failed")
            case "" | "end_turn" | "refusal" | "requires_action" | "budget_reached":
                return None
            case other:
                return failed(FailureCategory.OUTCOME_INVALID, f"stop reason {other!r} is new")

    def _fail(self, event: Json) -> None:
        kind = field(event, "error.type", str, VENDOR)
        text = field(event, "error.message", str, VENDOR)
        retry = field(event, "error.retry_status.type", str, VENDOR)
        if retry != "retrying":
            # An exhausted one ends the turn: what becomes of that, its idle event tells.
            self._error = failed(_ERRORS.get(kind, FailureCategory.TRANSIENT), f"{kind}: {text}")
        if retry == "terminal":
            self._fatal = self._error


def stop_reason(event: Json) -> str:
    """Why the session went idle."""
    return field(event, "stop_reason.type", str, VENDOR)


def failed(category: FailureCategory, text: str) -> StepError:
    """Say that the session itself failed."""
    return StepError(category, f"the session of {VENDOR} failed: {text}", maybe_billed=True)
