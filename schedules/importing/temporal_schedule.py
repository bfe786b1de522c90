"""A Temporal schedule of somebody else's workflow, as an agent that runs that workflow.

Pure. The agent's run is the slot's entry in the ledger; the workflow itself stays what it was,
on its own task queue: Temporal's own command starts it under the run's id, or finds it by that
id if the worker that waited for it was lost, so each slot starts it once.
"""

import shlex
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from typing import Any

from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleCalendarSpec,
    ScheduleOverlapPolicy,
    ScheduleRange,
)

from rota.language.durations import format_duration, parse_duration
from rota.schedule.spec import CatchupPolicy
from schedules.importing.agent_files import LONGEST, AgentFile, agent_file, as_template, free_name

_OVERLAP = {
    ScheduleOverlapPolicy.SKIP: "skip",
    ScheduleOverlapPolicy.BUFFER_ONE: "queue_one",
    ScheduleOverlapPolicy.BUFFER_ALL: "queue_all",
    ScheduleOverlapPolicy.ALLOW_ALL: "allow",
}
_FIELDS = {
    "second": ("0", 0, 59),
    "minute": ("0", 0, 59),
    "hour": ("0", 0, 23),
    "day_of_month": ("*", 1, 31),
    "month": ("*", 1, 12),
    "day_of_week": ("*", 0, 6),
    "year": ("*", None, None),
}
"""Field: what it is if left out, and the range that is all of it."""
_LONGEST_WINDOW = timedelta(days=30)
"""The server's default of a year would run a year of slots at once."""
_LONGEST_ARGUMENT = 100_000
"""Bytes; Linux takes 128 KiB for one argument."""


_START_AND_WAIT = """\
temporal workflow start --workflow-id "$0" \
  --id-conflict-policy UseExisting --id-reuse-policy RejectDuplicate "$@" >&2
exec temporal workflow result --workflow-id "$0" --output json
"""
"""If it was started before, starting fails and its result is waited for all the same."""


class NotExpressibleError(Exception):
    """A schedule that no declaration says; the message says what of it."""


def schedule_agent(
    id: str,
    schedule: Schedule,
    arguments: Sequence[str],
    *,
    taken: Collection[str],
    address: str,
    namespace: str,
) -> AgentFile:
    """Return the agent that does what the schedule does.

    Args:
        id: Of the schedule.
        schedule: As the server describes it.
        arguments: Of its workflow, each as JSON.
        taken: Names that others have.
        address: Of the server.
        namespace: Of the schedule.

    Raises:
        NotExpressibleError: something of it would be lost.
    """
    action = schedule.action
    if not isinstance(action, ScheduleActionStartWorkflow):
        raise NotExpressibleError("it does not start a workflow")
    # An agent's schedule has the agent's name, and this one stays: it must have another.
    name = free_name(id, taken) or free_name("schedule", taken)
    if name == id:
        name = free_name(f"{id} agent", taken)
    declared = _declared(schedule)
    if schedule.state.paused and schedule.state.note != _pause_note(name):
        declared["paused"] = True
    start = ["--type", action.workflow, "--task-queue", action.task_queue]
    for flag, limit in (
        ("--execution-timeout", action.execution_timeout),
        ("--run-timeout", action.run_timeout),
        ("--task-timeout", action.task_timeout),
    ):
        if limit:
            start += [flag, f"{limit.total_seconds():g}s"]
    for argument in arguments:
        start += ["--input", argument]
    # As long as the workflow may take: who waits less lets the next slot begin beside it.
    allowed = action.execution_timeout or action.run_timeout or timedelta(0)
    longest = format_duration(max(parse_duration(LONGEST), allowed))
    # The run's id: one workflow for each slot, whoever starts it.
    workflow_id = as_template(action.id) + "/{run.id}"
    runtime = {
        "kind": "command",
        "command": [
            *("/bin/sh", "-c", _START_AND_WAIT, workflow_id),
            *map(as_template, start),
        ],
        "env": {"TEMPORAL_ADDRESS": address, "TEMPORAL_NAMESPACE": namespace},
        "input": "none",
        "output": "json",
        "answer": {"result": "result"},
        "inactivity": longest,
        "repeatable": True,
    }
    document = {
        "description": f"Runs the workflow {action.workflow}"[:200],
        "runtime": runtime,
        "instructions": f"Run the workflow {action.workflow}.",
        "schedule": declared,
    }
    return agent_file(name, _remarks(id, name, schedule, action), document, longest)


def _remarks(
    id: str, name: str, schedule: Schedule, action: ScheduleActionStartWorkflow
) -> Iterable[str]:
    yield f"Temporal schedule {id}: workflow {action.workflow} on task queue {action.task_queue}."
    yield "Pause that schedule when this one is applied, or both start the workflow:"
    named = ("--schedule-id", id, "--pause", "--reason", _pause_note(name))
    yield f"temporal schedule toggle {shlex.join(named)}"
    left = (
        ("memo", action.memo),
        ("search attributes", action.typed_search_attributes or action.untyped_search_attributes),
        ("retry policy (see retry)", action.retry_policy),
        ("summary and details", action.static_summary or action.static_details),
        ("headers", action.headers),
    )
    if gone := [what for what, there in left if there]:
        yield f"Not passed on to its workflow: {', '.join(gone)}."
    if schedule.policy.pause_on_failure:
        yield "It paused itself when its workflow failed; this one goes on with the next slot."
    if schedule.state.note:
        yield f"Note of the schedule: {schedule.state.note}"


def _declared(schedule: Schedule) -> dict[str, Any]:
    spec, policy, state = schedule.spec, schedule.policy, schedule.state
    if spec.skip:
        raise NotExpressibleError("it leaves out calendars (skip); write their days under exclude")
    if state.limited_actions:
        raise NotExpressibleError(f"it ends after {state.remaining_actions} more runs")
    if offset := next((each.offset for each in spec.intervals if each.offset), None):
        raise NotExpressibleError(
            f"an interval of it begins {format_duration(offset)} late (offset); write a calendar"
        )
    if policy.overlap not in _OVERLAP:
        raise NotExpressibleError(
            "it ends a workflow that still works (overlap): a run that is ended only waits no more"
        )
    declared: dict[str, Any] = {
        "calendar": [_calendar(calendar) for calendar in spec.calendars],
        "every": [format_duration(interval.every) for interval in spec.intervals],
        "cron": list(spec.cron_expressions),
    }
    declared = {key: value for key, value in declared.items() if value}
    if not declared:
        raise NotExpressibleError("it never fires: it has no calendar and no interval")
    declared["timezone"] = spec.time_zone_name or "UTC"
    if spec.jitter:
        declared["jitter"] = format_duration(spec.jitter)
    for key, moment in (("start", spec.start_at), ("end", spec.end_at)):
        if moment is not None:
            declared[key] = moment.isoformat()
    declared["overlap"] = _OVERLAP[policy.overlap]
    window = min(policy.catchup_window or _LONGEST_WINDOW, _LONGEST_WINDOW)
    # With skip the server starts one of the slots that it missed, and drops the rest as it works.
    one = policy.overlap is ScheduleOverlapPolicy.SKIP
    catchup = CatchupPolicy.LATEST if one else CatchupPolicy.ALL
    declared["catchup"] = {"policy": catchup.value, "window": format_duration(window)}
    return declared


def _pause_note(name: str) -> str:
    """Of a schedule that is paused because the agent has taken its place: that one is not."""
    return f"agent {name} of Rota"


def _calendar(calendar: ScheduleCalendarSpec) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, (default, low, high) in _FIELDS.items():
        ranges: Sequence[ScheduleRange] = getattr(calendar, name)
        text = ",".join(_range(each, low, high) for each in ranges) or default
        if text != default:
            fields[name] = text
    return fields or {"hour": "0"}


def _range(given: ScheduleRange, low: int | None, high: int | None) -> str:
    end = max(given.end, given.start)
    if end == given.start:  # `5/2` would go on to the end of the range
        return str(given.start)
    text = "*" if (given.start, end) == (low, high) else f"{given.start}-{end}"
    return text if given.step <= 1 else f"{text}/{given.step}"


def readable(texts: Sequence[bytes]) -> tuple[str, ...]:
    """Return arguments, given as the server keeps them, as JSON text.

    Raises:
        NotExpressibleError: one is no text, or too long for a command line.
    """
    try:
        arguments = tuple(text.decode() for text in texts)
    except UnicodeDecodeError as error:
        raise NotExpressibleError("an argument of its workflow is not JSON") from error
    if any(len(text) > _LONGEST_ARGUMENT for text in texts):
        raise NotExpressibleError("an argument of its workflow is too long for a command line")
    return arguments
