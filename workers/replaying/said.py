"""What is said with each pair of command and history event: one reader for both forms of it.

What the server fills in where it is left out is None; where it does not, `NOTHING`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import Payload, RetryPolicy
from temporalio.api.failure.v1 import Failure

from rota.language.durations import format_duration
from rota.what_if.replay import NOTHING


def _activity(said: Any) -> tuple[str, dict[str, Any]]:
    is_event = hasattr(said, "input")
    payloads = said.input.payloads if is_event else said.arguments
    return (said.activity_type.name if is_event else said.activity_type), {
        "input": payloads_of(payloads),
        "task_queue": (said.task_queue.name if is_event else said.task_queue) or None,
        "retry": _retry(said.retry_policy) if said.HasField("retry_policy") else None,
        "priority": said.priority.priority_key or NOTHING,
        "fairness_key": said.priority.fairness_key or NOTHING,
        "heartbeat_timeout": duration_text(said.heartbeat_timeout) or NOTHING,
        **_durations(
            said,
            "schedule_to_close_timeout",
            "schedule_to_start_timeout",
            "start_to_close_timeout",
        ),
    }


def _timer(said: Any) -> tuple[str, dict[str, Any]]:
    seconds = _durations(said, "start_to_fire_timeout")
    return f"of {seconds['start_to_fire_timeout']}", seconds


def _run(said: Any) -> tuple[str, dict[str, Any]]:
    is_event = hasattr(said.input, "payloads")
    return said.workflow_id, {
        "type": said.workflow_type.name if is_event else said.workflow_type,
        "input": payloads_of(said.input.payloads if is_event else said.input),
        "task_queue": (said.task_queue.name if is_event else said.task_queue) or None,
        **_durations(said, "workflow_execution_timeout", "workflow_run_timeout"),
    }


def _signal(said: Any) -> tuple[str, dict[str, Any]]:
    is_event = hasattr(said, "input")
    # The code may name the run by its id alone, or one of its own runs.
    target = said.workflow_execution.workflow_id or getattr(said, "child_workflow_id", "")
    payloads = said.input.payloads if is_event else said.args
    told = {"name": said.signal_name, "to": target, "input": payloads_of(payloads)}
    return f"{said.signal_name} to {target}", told


def _continuation(said: Any) -> tuple[str, dict[str, Any]]:
    payloads = said.input.payloads if hasattr(said, "input") else said.arguments
    return "", {"input": payloads_of(payloads)}


def _result(said: Any) -> tuple[str, dict[str, Any]]:
    result = said.result
    payloads = result.payloads if hasattr(result, "payloads") else [result]
    return "", {"result": payloads_of(payloads)}


def _failure(said: Any) -> tuple[str, dict[str, Any]]:
    return "", _failed(said.failure)


def _answer(said: Any) -> tuple[str, dict[str, Any]]:
    if hasattr(said, "outcome"):
        refused, failure = said.outcome.HasField("failure"), said.outcome.failure
        payloads = said.outcome.success.payloads
    else:
        refused, failure, payloads = said.HasField("rejected"), said.rejected, [said.completed]
    return "", _failed(failure) if refused else {"result": payloads_of(payloads)}


def _attributes(said: Any) -> tuple[str, dict[str, Any]]:
    return "", {"set": _mapping(said.search_attributes.indexed_fields)}


def _memo(said: Any) -> tuple[str, dict[str, Any]]:
    return "", {"set": _mapping(said.upserted_memo.fields)}


def _failed(failure: Failure) -> dict[str, Any]:
    info = failure.application_failure_info
    details = payloads_of(info.details.payloads)
    return {"message": failure.message, "type": info.type, "details": details}


READERS: dict[str, Callable[[Any], tuple[str, dict[str, Any]]]] = {
    "activity": _activity,
    "timer": _timer,
    "run": _run,
    "signal": _signal,
    "continuation": _continuation,
    "result": _result,
    "failure": _failure,
    "attributes": _attributes,
    "memo": _memo,
    "answer": _answer,
}
"""By kind: from a command, or an event's attributes, to its name and what is said with it."""


def payloads_of(payloads: Iterable[Payload]) -> list[Payload]:
    """Those that hold something; still encoded."""
    return [each for each in payloads if each.metadata]


def _mapping(fields: Mapping[str, Payload]) -> dict[str, list[Payload]]:
    return {key: payloads_of([payload]) for key, payload in sorted(fields.items())}


def _durations(said: Any, *names: str) -> dict[str, Any]:
    return {name: duration_text(getattr(said, name)) for name in names}


def duration_text(value: Duration) -> str | None:
    """How long, for people; None where nothing is said."""
    took = value.ToTimedelta()
    return format_duration(took) if took else None


def _retry(policy: RetryPolicy) -> dict[str, Any]:
    return {
        "first_delay": duration_text(policy.initial_interval),
        "longest_delay": duration_text(policy.maximum_interval),
        "backoff": policy.backoff_coefficient,
        "attempts": policy.maximum_attempts,
        "final": sorted(policy.non_retryable_error_types),
    }
