"""The histories of one run from the server: all executions of its chain, and what they carry.

Activity side: asks the server, changes nothing.
"""

from dataclasses import dataclass, field
from typing import Any, cast

from google.protobuf.json_format import MessageToDict
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History, HistoryEvent
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowHistory
from temporalio.exceptions import ApplicationError

from activities.audit.executions import execution_after
from activities.encryption.opening import lenient, opened_history
from activities.stores.base import StoreError
from rota.audit.run_record import ExecutionHistory

ADMISSION = "admit_run"
"""The activity that a run presents itself with."""


@dataclass
class FetchedHistories:
    """What the histories of a run hold."""

    executions: list[ExecutionHistory] = field(default_factory=list[ExecutionHistory])
    """As they are: nothing is cut out yet."""
    given: dict[str, Any] = field(default_factory=dict[str, Any])
    """The argument it was started with."""
    admitted: dict[str, Any] = field(default_factory=dict[str, Any])
    """`rota.keepers.admission.Admitted` as JSON; empty if it never got that far."""
    outcome: dict[str, Any] = field(default_factory=dict[str, Any])
    """What its last event says of its result; empty if it says nothing."""
    notes: list[str] = field(default_factory=list[str])


async def fetch_histories(
    client: Client, described: WorkflowExecutionDescription
) -> FetchedHistories:
    """Fetch all executions of a run, the first one first.

    Raises:
        temporalio.service.RPCError: the server has not got it, or does not answer.
    """
    first = described.raw_description.workflow_execution_info.first_run_id
    fetched = FetchedHistories()
    await _follow(client, described.id, first or described.run_id, fetched)
    if all(each.run_id != described.run_id for each in fetched.executions):
        # An older server does not tell where a run that was reset went on.
        await _follow(client, described.id, described.run_id, fetched)
    return fetched


def key_of(described: WorkflowExecutionDescription) -> str:
    """Return the run's key: the run id of the first execution in its chain."""
    return described.raw_description.workflow_execution_info.first_run_id or described.run_id


async def _follow(client: Client, id: str, run_id: str, fetched: FetchedHistories) -> None:
    reader = _EventReader(client, fetched)
    following: str | None = run_id
    while following is not None:
        handle = client.get_workflow_handle(id, run_id=following)
        history = await opened_history(await handle.fetch_history(), client.data_converter)
        fetched.executions.append(_execution(following, history))
        await reader.read(history.events)
        following = await execution_after(client, id, following, history.events[-1])


def _execution(run_id: str, history: WorkflowHistory) -> ExecutionHistory:
    events = history.events
    return ExecutionHistory.model_construct(
        run_id=run_id,
        first=events[0].event_id,
        last=events[-1].event_id,
        history=MessageToDict(History(events=events)),
    )


class _EventReader:
    """Reads the few events whose values are needed whole, wherever their payloads lie."""

    def __init__(self, client: Client, fetched: FetchedHistories) -> None:
        self._converter = lenient(client.data_converter)
        self._fetched = fetched

    async def read(self, events: Any) -> None:
        for event in cast("list[HistoryEvent]", events):
            kind = event.event_type
            if kind == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED and not self._fetched.given:
                started = event.workflow_execution_started_event_attributes
                self._fetched.given = _object(await self._value(started.input.payloads)) or {}
            elif kind == EventType.EVENT_TYPE_MARKER_RECORDED:
                await self._marker(event)
        await self._end(events[-1])

    async def _marker(self, event: HistoryEvent) -> None:
        details = event.marker_recorded_event_attributes.details
        if "result" not in details or "data" not in details:
            return
        data = _object(await self._value(details["data"].payloads)) or {}
        if data.get("activity_type") == ADMISSION:
            found = _object(await self._value(details["result"].payloads))
            self._fetched.admitted = found or self._fetched.admitted

    async def _end(self, event: HistoryEvent) -> None:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
            done = event.workflow_execution_completed_event_attributes
            self._fetched.outcome = _object(await self._value(done.result.payloads)) or {}
        elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
            failed = event.workflow_execution_failed_event_attributes.failure
            details = failed.application_failure_info.details.payloads
            # Of a run whose input was refused it is a list of texts.
            self._fetched.outcome = _object(await self._value(details)) or {}

    async def _value(self, payloads: Any) -> Any:
        """The first of several values; None if there is none, or its store has lost it."""
        try:
            values = await self._converter.decode(list(payloads)[:1])
        except (StoreError, ApplicationError) as error:
            self._fetched.notes.append(f"a value of its history cannot be read: {error}")
            return None
        return values[0] if values else None


def _object(value: Any) -> dict[str, Any] | None:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None
