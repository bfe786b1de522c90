"""A Temporal schedule as flat, comparable fields, named as in the YAML where possible.

Pure. The same function reads the schedule we want and the one the server has, so `plan`,
`apply`'s read-back and `drift` all compare like with like. What the server may change by
itself (notes, comments, counters of past actions) is left out.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from temporalio.client import Schedule, ScheduleActionStartWorkflow
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from activities.server_schedule import Fields, timing_fields
from rota.language.durations import format_duration
from rota.visibility import SCHEDULE_MEMO

TIMING = (
    "schedule.calendars",
    "schedule.every",
    "schedule.exclude",
    "schedule.timezone",
    "schedule.start",
    "schedule.end",
)
"""Fields that decide the slots."""


def schedule_fields(schedule: Schedule) -> Fields:
    """Return every field that matters. Arguments and memo must be decoded already."""
    return {
        **timing_fields(schedule.spec, schedule.policy, schedule.state),
        **_action_fields(schedule),
    }


def memo_of(schedule: Schedule) -> Mapping[str, Any]:
    """Return what Rota noted on the schedule's action: fleet, source, digest, declared."""
    action = schedule.action
    if not isinstance(action, ScheduleActionStartWorkflow) or not action.memo:
        return {}
    noted: object = action.memo.get(SCHEDULE_MEMO)
    return cast("dict[str, Any]", noted) if isinstance(noted, dict) else {}


def _action_fields(schedule: Schedule) -> Fields:
    action = schedule.action
    if not isinstance(action, ScheduleActionStartWorkflow):
        return {"action": type(action).__name__}
    memo = memo_of(schedule)
    timeouts = {
        name: format_duration(value)
        for name in ("execution_timeout", "run_timeout", "task_timeout")
        if (value := getattr(action, name))
    }
    return {
        "action.workflow": action.workflow,
        "action.id": action.id,
        "action.task_queue": action.task_queue,
        "action.args": list(action.args),
        "action.timeouts": timeouts,
        "action.retry": action.retry_policy is not None,
        "action.search_attributes": _search_attributes(action.typed_search_attributes),
        "action.summary": action.static_summary,
        "action.details": action.static_details,
        "action.fleet": memo.get("fleet"),
        "action.source": memo.get("source"),
        "action.digest": memo.get("digest"),
        "action.declared": memo.get("declared"),
    }


def _search_attributes(attributes: TypedSearchAttributes) -> dict[str, Any]:
    pairs = cast("Sequence[SearchAttributePair[Any]]", attributes.search_attributes)
    return {pair.key.name: pair.value for pair in pairs}
