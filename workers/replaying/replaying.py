"""One history replayed with today's code: same, drift, nondeterministic, or not to be replayed."""

import json
import re
from collections.abc import Sequence
from typing import Any, cast

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory
from temporalio.converter import DataConverter
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from activities.converter import data_converter
from activities.encryption.encryption import Encryption
from activities.encryption.opening import opened, opened_history
from activities.stores.base import ObjectStore, StoreError
from rota.what_if.replay import NOTHING, Asked, Drift, Place, Replayed, ReplayVerdict, drift_of
from workers.connection import headers_of
from workers.plugin import KEEPER_WORKFLOWS, RUN_WORKFLOWS, WHAT_IF_WORKFLOWS, RotaPlugin
from workers.replaying.protos import Reader, label_of
from workers.replaying.watching import Watch, WatchPlugin

_MESSAGE = re.compile(r'message: "((?:[^"\\]|\\.)*)"')
_EVENT = re.compile(r"HistoryEvent(?:\(id: (\d+),| \{ event_id: (\d+),)")
_NAME = re.compile(r"'([^']+)'")
_SAID = 300
"""Characters of Temporal's words that are told: an event is quoted whole in some."""


class HistoryReplayer:
    """Replays histories, one after the other."""

    def __init__(self, store: ObjectStore | None, encryption: Encryption | None = None) -> None:
        # A file may hold what was opened before it was written.
        lenient = encryption.lenient() if encryption else None
        self._converter = data_converter(store, lenient)
        self._watching = WatchPlugin()
        self._replayer = Replayer(
            workflows=[*RUN_WORKFLOWS, *WHAT_IF_WORKFLOWS, *KEEPER_WORKFLOWS],
            plugins=[RotaPlugin(store, lenient), self._watching],
            header_codec_behavior=headers_of(lenient),
        )

    async def replay(self, history: WorkflowHistory) -> tuple[Replayed, list[Asked]]:
        """Replay one history.

        Returns:
            What came of it; and what the history has, decoded, for further comparisons.
        """
        started = history.events[0].workflow_execution_started_event_attributes
        watch = self._watching.begin(started.task_queue.name)
        result = await self._replayer.replay_workflow(history, raise_on_replay_failure=False)
        replayed = Replayed(
            workflow_id=history.workflow_id,
            run_id=history.run_id,
            workflow_type=started.workflow_type.name,
            events=len(history.events),
            verdict=ReplayVerdict.SAME,
        )
        failure = result.replay_failure
        if isinstance(failure, NondeterminismError):
            place = _place(history, watch, str(failure))
            told: dict[str, Any] = {"verdict": ReplayVerdict.NONDETERMINISTIC, "place": place}
            return replayed.model_copy(update=told), []
        if failure is not None:
            told = {"verdict": ReplayVerdict.ERROR, "reason": _words(str(failure))}
            return replayed.model_copy(update=told), []
        return await self._compared(replayed, history, watch)

    async def _compared(
        self, replayed: Replayed, history: WorkflowHistory, watch: Watch
    ) -> tuple[Replayed, list[Asked]]:
        started = history.events[0].workflow_execution_started_event_attributes
        recorded, wanted = (Reader(started.workflow_run_timeout) for _ in range(2))
        asks = [await opened(each, self._converter) for each in watch.commands]
        commands = [asked for each in asks if (asked := wanted.command(each))]
        try:
            plain = await opened_history(history, self._converter)
            events = [asked for each in plain.events if (asked := recorded.event(each))]
            before = [await _decoded(each, self._converter) for each in events]
        except (StoreError, RuntimeError) as error:
            note = f"inputs are not compared: {error}"
            return replayed.model_copy(update={"note": note}), []
        now = [await _decoded(each, self._converter) for each in commands]
        drift = drift_of(before, now)
        return with_drift(replayed, drift), before


def with_drift(replayed: Replayed, drift: Sequence[Drift]) -> Replayed:
    """The replay with more that has changed."""
    if not drift:
        return replayed
    every = (*replayed.drift, *drift)
    return replayed.model_copy(update={"verdict": ReplayVerdict.DRIFT, "drift": every})


async def _decoded(asked: Asked, converter: DataConverter) -> Asked:
    """With values in place of payloads, and the summary in its label."""
    says = {key: await _value(value, converter) for key, value in asked.says.items()}
    summary = says.get("summary")
    named = isinstance(summary, str) and summary != NOTHING
    label = f"{asked.label} ({summary})" if named else asked.label
    return asked.model_copy(update={"says": says, "label": label})


async def _value(value: Any, converter: DataConverter) -> Any:
    if isinstance(value, dict):
        mapping = cast("dict[str, Any]", value)
        return {key: await _value(inner, converter) for key, inner in mapping.items()}
    if not isinstance(value, list):
        return value
    entries = cast("list[Any]", value)
    if not entries or not isinstance(entries[0], Payload):
        return entries
    decoded = [await _plain(payload, converter) for payload in entries]
    return decoded[0] if len(decoded) == 1 else decoded


async def _plain(payload: Payload, converter: DataConverter) -> Any:
    if payload.metadata.get("encoding") == b"json/plain":
        return json.loads(payload.data)
    (value,) = await converter.decode([payload])
    return value


def _place(history: WorkflowHistory, watch: Watch, failure: str) -> Place:
    """Where the code left the history, from Temporal's words and from what the code asked for."""
    said = _words(failure)
    wanted = tuple(label for command in watch.newest if (label := label_of(command)))
    found = _EVENT.search(failure)
    if found is not None:
        number = int(found[1] or found[2])
    else:
        # Of a local activity, or a run of its own, Temporal tells the name alone.
        named = _NAME.search(said)
        number = _first_after(history, watch.length, named[1] if named else "")
    event = next((each for each in history.events if each.event_id == number), None)
    recorded = _recorded(event) if event is not None else "nothing: the history ends before"
    return Place(event=number, recorded=recorded, wanted=wanted, said=said[:_SAID])


def _first_after(history: WorkflowHistory, length: int, name: str) -> int:
    later = [event for event in history.events if event.event_id > length + 1]
    named = (each for each in later if name and name in str(each))
    event = next(named, later[0] if later else None)
    return event.event_id if event is not None else length + 1


def _recorded(event: HistoryEvent) -> str:
    kind = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").lower().replace("_", " ")
    asked = Reader().event(event)
    if asked is not None:
        return asked.label
    payloads = event.marker_recorded_event_attributes.details.get("data")
    if payloads is None or not payloads.payloads:
        return kind
    name = json.loads(payloads.payloads[0].data).get("activity_type")
    return f"local activity {name}" if name else kind


def _words(failure: str) -> str:
    """Temporal's message without the wrapping that its core puts around it."""
    found = _MESSAGE.search(failure)
    text = found[1].replace('\\"', '"') if found else failure
    return text.removeprefix("[TMPRL1100] ")
