"""What a history says, read from its JSON: events, what took how long, what people did.

Pure. The form is protobuf's own JSON of `temporal.api.history.v1.History`, as the SDK and the
`temporal` command write it.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

from rota.audit.run_record import ExecutionHistory

READ_AT_MOST = 256 * 1024
"""Bytes of a payload that is looked into: what is looked for is small."""

_PREFIX = "EVENT_TYPE_"
_FRACTION = re.compile(r"(\.\d{6})\d*")


@dataclass(frozen=True)
class Span:
    """Something that took time: a step, a wait, a run that was called."""

    kind: str
    """`step`, `wait`, `child`."""
    name: str
    """Of the activity or the workflow type; empty of a timer."""
    label: str
    """As people read it in the Temporal UI."""
    start: datetime
    end: datetime | None = None
    outcome: str = ""
    """`completed`, `failed`, `timed_out`, `cancelled`; empty while it lasts."""
    attempt: int = 1
    given: dict[str, Any] = field(default_factory=dict[str, Any])
    """Its argument, if that is a small object."""
    came: dict[str, Any] = field(default_factory=dict[str, Any])
    """Its result, likewise."""


def events_of(execution: ExecutionHistory) -> list[dict[str, Any]]:
    """Return the events, oldest first."""
    return cast("list[dict[str, Any]]", execution.history.get("events", []))


def type_of(event: dict[str, Any]) -> str:
    """Return an event's type in words without the prefix: `ActivityTaskScheduled`."""
    words = str(event.get("eventType", "")).removeprefix(_PREFIX)
    return "".join(word.capitalize() for word in words.split("_")) if "_" in words else words


def time_of(event: dict[str, Any]) -> datetime:
    """Return when an event happened, to the microsecond."""
    text = _FRACTION.sub(r"\1", str(event["eventTime"])).replace("Z", "+00:00")
    return datetime.fromisoformat(text).astimezone(UTC)


def attributes_of(event: dict[str, Any]) -> dict[str, Any]:
    """Return what an event says beside time, type and number."""
    for key, value in event.items():
        if key.endswith("EventAttributes"):
            return cast("dict[str, Any]", value)
    return {}


def name_in(attributes: dict[str, Any]) -> str:
    """Return what an event is about: an activity, a workflow type, a message; empty if nothing."""
    typed = _object(attributes.get("activityType") or attributes.get("workflowType"))
    update = _object(_object(attributes.get("acceptedRequest")).get("input"))
    return str(typed.get("name") or update.get("name") or attributes.get("signalName") or "")


def value_of(payload: dict[str, Any] | None) -> Any:
    """Return what a payload holds, if that is JSON and small; else None."""
    data = str((payload or {}).get("data", ""))
    if not data or len(data) > READ_AT_MOST:
        return None
    try:
        return json.loads(base64.b64decode(data))
    except (ValueError, binascii.Error, RecursionError):
        return None


def first_value(payloads: dict[str, Any] | None) -> Any:
    """Return what the first of several payloads holds."""
    held: list[dict[str, Any]] = (payloads or {}).get("payloads", [])
    return value_of(held[0]) if held else None


def summary_of(event: dict[str, Any]) -> str:
    """Return the line that the Temporal UI shows for an event; empty if it has none."""
    told = value_of(event.get("userMetadata", {}).get("summary"))
    return told if isinstance(told, str) else ""


def payloads_in(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every payload below a value of the history's JSON; change one in place at will."""
    if isinstance(value, dict):
        known = cast("dict[str, Any]", value)
        if isinstance(known.get("metadata"), dict) and "encoding" in known["metadata"]:
            yield known
            return
        for each in known.values():
            yield from payloads_in(each)
    elif isinstance(value, list):
        for each in cast("list[Any]", value):
            yield from payloads_in(each)


def claim_of(payload: dict[str, Any]) -> str | None:
    """Return the digest of a payload that lies in the object store instead of in the history."""
    if "externalPayloads" not in payload:
        return None
    claim = _object(_object(value_of(payload)).get("claimData"))
    return str(claim["sha256"]) if "sha256" in claim else None


def spans_of(executions: Iterable[ExecutionHistory]) -> list[Span]:
    """Return what took time in a run, in the order in which it began."""
    spans: list[Span] = []
    for execution in executions:
        spans += _Reader().read(events_of(execution))
    return sorted(spans, key=lambda span: span.start)


_ENDS = {
    "Completed": "completed",
    "Failed": "failed",
    "TimedOut": "timed_out",
    "Canceled": "cancelled",
    "Terminated": "terminated",
    "Fired": "completed",
}
_BEGINS = {
    "ActivityTaskScheduled": "step",
    "TimerStarted": "wait",
    "StartChildWorkflowExecutionInitiated": "child",
}
_BEGUN_BY = {
    "ActivityTask": "scheduledEventId",
    "Timer": "startedEventId",
    "ChildWorkflowExecution": "initiatedEventId",
}


class _Reader:
    """Follows the events of one history."""

    def __init__(self) -> None:
        self._spans: dict[str, Span] = {}

    def read(self, events: Iterable[dict[str, Any]]) -> list[Span]:
        for event in events:
            kind = type_of(event)
            if kind in _BEGINS:
                self._begin(event, _BEGINS[kind])
            elif kind == "ActivityTaskStarted":
                self._change(event, "ActivityTask", {})
            else:
                self._end(event, kind)
        return list(self._spans.values())

    def _begin(self, event: dict[str, Any], kind: str) -> None:
        told = attributes_of(event)
        name = name_in(told)
        label = summary_of(event) or str(told.get("workflowId", "")) or name or "wait"
        given = first_value(told.get("input"))
        self._spans[event["eventId"]] = Span(
            kind, name, label, time_of(event), given=_object(given)
        )

    def _end(self, event: dict[str, Any], kind: str) -> None:
        for what in _BEGUN_BY:
            end = kind.removeprefix(what)
            if end != kind and end in _ENDS:
                came = _object(first_value(attributes_of(event).get("result")))
                change = {"end": time_of(event), "outcome": _ENDS[end], "came": came}
                self._change(event, what, change)

    def _change(self, event: dict[str, Any], what: str, change: dict[str, Any]) -> None:
        told = attributes_of(event)
        begun = str(told.get(_BEGUN_BY[what], ""))
        span = self._spans.get(begun)
        if span is not None:
            attempt = int(told.get("attempt", span.attempt))
            self._spans[begun] = replace(span, **change, attempt=attempt)


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
