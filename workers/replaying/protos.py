"""Temporal's commands and history events as one record: `rota.replay.Asked`.

Both say the same in two forms: a command is what the code asks for, an event what the server
wrote down of it. Each pair is read here side by side, so that neither has what the other lacks.

*Source:* temporalio 1.35 `bridge.proto.workflow_commands`, `api.history.v1`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import Payload, RetryPolicy
from temporalio.api.history.v1 import HistoryEvent
from temporalio.bridge.proto.workflow_commands import WorkflowCommand

from rota.durations import format_duration
from rota.replay import Asked

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
    """Reads what one side asked for, in order; one for each side of each history."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def command(self, command: WorkflowCommand) -> Asked | None:
        """What the code asks for; None if there is nothing in it to compare."""
        variant = command.WhichOneof("variant") or ""
        if variant not in COMMANDS:
            return None
        summary = _payloads([command.user_metadata.summary])
        return self._asked(COMMANDS[variant], getattr(command, variant), summary, 0)

    def event(self, event: HistoryEvent) -> Asked | None:
        """What the history has; None if it is no answer to a command that is compared."""
        variant = event.WhichOneof("attributes") or ""
        if variant not in EVENTS:
            return None
        summary = _payloads([event.user_metadata.summary])
        return self._asked(EVENTS[variant], getattr(event, variant), summary, event.event_id)

    def _asked(self, kind: str, said: Any, summary: list[Payload], event: int) -> Asked:
        name, says = _READERS[kind](said)
        if kind == "activity":
            key = said.activity_id
        elif kind == "timer":
            # Core names a timer by the number that the code gave it.
            key = said.timer_id if event else str(said.seq)
        else:
            number = self._seen[f"{kind} {name}"] = self._seen.get(f"{kind} {name}", 0) + 1
            key = f"{name}/{number}"
        says["summary"] = summary or None
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
    return asked.label if asked else ""


def _activity(said: Any) -> tuple[str, dict[str, Any]]:
    is_event = hasattr(said, "input")
    payloads = said.input.payloads if is_event else said.arguments
    return (said.activity_type.name if is_event else said.activity_type), {
        "input": _payloads(payloads),
        "task_queue": (said.task_queue.name if is_event else said.task_queue) or None,
        "retry": _retry(said.retry_policy) if said.HasField("retry_policy") else None,
        "priority": said.priority.priority_key or None,
        **_durations(
            said,
            "schedule_to_close_timeout",
            "schedule_to_start_timeout",
            "start_to_close_timeout",
            "heartbeat_timeout",
        ),
    }


def _timer(said: Any) -> tuple[str, dict[str, Any]]:
    seconds = _durations(said, "start_to_fire_timeout")
    return f"of {seconds['start_to_fire_timeout']}", seconds


def _run(said: Any) -> tuple[str, dict[str, Any]]:
    is_event = hasattr(said.input, "payloads")
    return said.workflow_id, {
        "type": said.workflow_type.name if is_event else said.workflow_type,
        "input": _payloads(said.input.payloads if is_event else said.input),
        "task_queue": (said.task_queue.name if is_event else said.task_queue) or None,
        **_durations(said, "workflow_execution_timeout", "workflow_run_timeout"),
    }


def _signal(said: Any) -> tuple[str, dict[str, Any]]:
    is_event = hasattr(said, "input")
    # The code may name the run by its id alone, or one of its own runs.
    target = said.workflow_execution.workflow_id or getattr(said, "child_workflow_id", "")
    payloads = said.input.payloads if is_event else said.args
    return f"{said.signal_name} to {target}", {"input": _payloads(payloads)}


def _continuation(said: Any) -> tuple[str, dict[str, Any]]:
    payloads = said.input.payloads if hasattr(said, "input") else said.arguments
    return "", {"input": _payloads(payloads)}


def _result(said: Any) -> tuple[str, dict[str, Any]]:
    result = said.result
    payloads = result.payloads if hasattr(result, "payloads") else [result]
    return "", {"result": _payloads(payloads)}


def _failure(said: Any) -> tuple[str, dict[str, Any]]:
    info = said.failure.application_failure_info
    details = _payloads(info.details.payloads)
    return "", {"message": said.failure.message, "type": info.type, "details": details}


def _attributes(said: Any) -> tuple[str, dict[str, Any]]:
    return "", {"set": _mapping(said.search_attributes.indexed_fields)}


def _memo(said: Any) -> tuple[str, dict[str, Any]]:
    return "", {"set": _mapping(said.upserted_memo.fields)}


_READERS = {
    "activity": _activity,
    "timer": _timer,
    "run": _run,
    "signal": _signal,
    "continuation": _continuation,
    "result": _result,
    "failure": _failure,
    "attributes": _attributes,
    "memo": _memo,
}


def _payloads(payloads: Iterable[Payload]) -> list[Payload]:
    """Those that hold something; still encoded."""
    return [each for each in payloads if each.metadata]


def _mapping(fields: Mapping[str, Payload]) -> dict[str, list[Payload]]:
    return {key: _payloads([payload]) for key, payload in sorted(fields.items())}


def _durations(said: Any, *names: str) -> dict[str, Any]:
    return {name: _duration(getattr(said, name)) for name in names}


def _duration(value: Duration) -> str | None:
    took = value.ToTimedelta()
    return format_duration(took) if took else None


def _retry(policy: RetryPolicy) -> dict[str, Any]:
    return {
        "first_delay": _duration(policy.initial_interval),
        "longest_delay": _duration(policy.maximum_interval),
        "backoff": policy.backoff_coefficient,
        "attempts": policy.maximum_attempts,
        "final": sorted(policy.non_retryable_error_types),
    }
