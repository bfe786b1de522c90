"""Temporal's commands and history events as one record: `rota.what_if.replay.Asked`.

Both say the same in two forms: a command is what the code asks for, or answers to an update, an
event what the server wrote down of it. What each pair says is read side by side, in `said`, so
that neither has what the other lacks.

*Source:* temporalio 1.35 `bridge.proto.workflow_commands`, `api.history.v1`.
"""

from typing import Any

from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import HistoryEvent
from temporalio.bridge.proto.workflow_commands import WorkflowCommand

from rota.what_if.replay import NOTHING, Asked
from workers.replaying.said import READERS, duration_text, payloads_of

EVENTS = {
    "activity_task_scheduled_event_attributes": "activity",
    "timer_started_event_attributes": "timer",
    "start_child_workflow_execution_initiated_event_attributes": "run",
    "signal_external_workflow_execution_initiated_event_attributes": "signal",
    "workflow_execution_continued_as_new_event_attributes": "continuation",
    "workflow_execution_completed_event_attributes": "result",
    "workflow_execution_failed_event_attributes": "failure",
    "upsert_workflow_search_attributes_event_attributes": "attributes",
    "workflow_properties_modified_event_attributes": "memo",
    "workflow_execution_update_completed_event_attributes": "answer",
}
COMMANDS = {
    "schedule_activity": "activity",
    "start_timer": "timer",
    "start_child_workflow_execution": "run",
    "signal_external_workflow_execution": "signal",
    "continue_as_new_workflow_execution": "continuation",
    "complete_workflow_execution": "result",
    "fail_workflow_execution": "failure",
    "upsert_workflow_search_attributes": "attributes",
    "modify_workflow_properties": "memo",
    "update_response": "answer",
}
_LABELS = {
    "continuation": "continue as new",
    "result": "result of the workflow",
    "failure": "failure of the workflow",
    "attributes": "search attributes",
}
_UNCOMPARED = {
    "schedule_local_activity": "local activity {activity_type}",
    "request_cancel_activity": "cancel an activity",
    "cancel_timer": "cancel a timer",
    "cancel_workflow_execution": "end as cancelled",
    "cancel_child_workflow_execution": "cancel a run of its own",
    "request_cancel_external_workflow_execution": "cancel another run",
    "set_patch_marker": "patch {patch_id}",
}
"""Told of code that does something else; there is nothing in them to compare, or in the history
of a local activity not what it was told."""


class Reader:
    """Reads what one side asked for, in order; one for each side of each history.

    Args:
        run_timeout: Of the execution: the server gives it to activities that were given none.
    """

    def __init__(self, run_timeout: Duration | None = None) -> None:
        self._run_timeout = (duration_text(run_timeout) if run_timeout else None) or NOTHING
        self._seen: dict[str, int] = {}
        self._updates: dict[int, Any] = {}
        """Those that were accepted, by event."""

    def command(self, command: WorkflowCommand) -> Asked | None:
        """What the code asks for; None if there is nothing in it to compare."""
        variant = command.WhichOneof("variant") or ""
        if variant not in COMMANDS or command.update_response.HasField("accepted"):
            return None
        summary = payloads_of([command.user_metadata.summary])
        return self._asked(COMMANDS[variant], getattr(command, variant), summary, 0)

    def event(self, event: HistoryEvent) -> Asked | None:
        """What the history has; None if it is no answer to a command that is compared."""
        variant = event.WhichOneof("attributes") or ""
        if variant == "workflow_execution_update_accepted_event_attributes":
            self._updates[event.event_id] = getattr(event, variant)
        if variant not in EVENTS:
            return None
        summary = payloads_of([event.user_metadata.summary])
        return self._asked(EVENTS[variant], getattr(event, variant), summary, event.event_id)

    def _asked(self, kind: str, said: Any, summary: list[Payload], event: int) -> Asked:
        name, says = READERS[kind](said)
        if kind == "activity":
            key = said.activity_id
            says["schedule_to_close_timeout"] = (
                says["schedule_to_close_timeout"] or self._run_timeout
            )
        elif kind == "timer":
            # Core names a timer by the number that the code gave it.
            key = said.timer_id if event else str(said.seq)
        elif kind == "answer":
            update = self._updates[said.accepted_event_id] if event else said
            key = update.protocol_instance_id
            name = f"to update {update.accepted_request.input.name}" if event else name
        else:
            # Temporal lets a signal's name and target differ: they are compared, not looked up.
            counted = kind if kind == "signal" else f"{kind} {name}"
            number = self._seen[counted] = self._seen.get(counted, 0) + 1
            key = f"{counted}/{number}"
        says["summary"] = summary or NOTHING
        label = _LABELS.get(kind, f"{kind} {name}")
        return Asked(kind=kind, key=key, label=label, event=event, says=says)


def label_of(command: WorkflowCommand) -> str:
    """A command in one line; empty if it asks nothing of the server."""
    variant = command.WhichOneof("variant") or ""
    if variant in _UNCOMPARED:
        said = getattr(command, variant)
        fields = {"activity_type": "", "patch_id": ""}
        fields |= {key: getattr(said, key, "") for key in fields}
        return _UNCOMPARED[variant].format(**fields)
    asked = Reader().command(command)
    return asked.label if asked and asked.kind != "answer" else ""
