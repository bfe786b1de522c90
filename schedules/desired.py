"""A declared agent or pipeline as the Temporal schedule it asks for.

Pure: no server is asked. The schedule carries nothing but when to run and whom
(`{"agent": name}`, `{"pipeline": name}`): what it *is* lies with its keeper, so that a run
started by hand and one started by the clock read the same declaration. Calendars are sent
as ranges with the declared text as their comment, because the server forgets cron text.
"""

from datetime import timedelta

from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleCalendarSpec,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleState,
)
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from rota.agent_spec import AgentSpec
from rota.calendars import aware, excluded_calendars, structured_calendars
from rota.cron import Range, StructuredCalendar
from rota.kinds import ARGUMENT_KEYS, WORKFLOW_TYPES
from rota.pipeline_spec import PipelineSpec
from rota.schedule_spec import Catchup, CatchupPolicy, Overlap
from rota.schedule_spec import ScheduleSpec as DeclaredSchedule
from rota.visibility import SCHEDULE_MEMO
from schedules.declared import Declaration

SEARCH_ATTRIBUTES = {"Agent": "RotaAgent", "Pipeline": "RotaPipeline"}
PAUSED_NOTE = "declared paused"
SHORTEST_WINDOW = timedelta(seconds=10)
"""The server raises a shorter catch-up window to this without a word."""

OVERLAPS = {
    Overlap.SKIP: ScheduleOverlapPolicy.SKIP,
    Overlap.QUEUE_ONE: ScheduleOverlapPolicy.BUFFER_ONE,
    Overlap.QUEUE_ALL: ScheduleOverlapPolicy.BUFFER_ALL,
    Overlap.CANCEL_OTHER: ScheduleOverlapPolicy.CANCEL_OTHER,
    Overlap.TERMINATE_OTHER: ScheduleOverlapPolicy.TERMINATE_OTHER,
    Overlap.ALLOW: ScheduleOverlapPolicy.ALLOW_ALL,
}


def desired_schedule(wanted: Declaration, fleet: str, task_queue: str) -> Schedule | None:
    """Return the schedule of `wanted`, whose id is its name; None without one.

    Raises:
        ValueError: a calendar cannot be read or the zone is unknown.
    """
    declared = wanted.spec.schedule
    if declared is None:
        return None
    return Schedule(
        action=_action(wanted, declared, fleet, task_queue),
        spec=_spec(declared),
        policy=SchedulePolicy(
            overlap=OVERLAPS[declared.overlap],
            catchup_window=catchup_window(declared.catchup),
            # A failed run says so itself; stopping all later ones is a person's decision.
            pause_on_failure=False,
        ),
        state=ScheduleState(paused=declared.paused, note=PAUSED_NOTE if declared.paused else None),
    )


def catchup_window(catchup: Catchup) -> timedelta:
    """Return how old a missed slot may be when the server comes back."""
    if catchup.policy is CatchupPolicy.SKIP:
        return SHORTEST_WINDOW
    return max(SHORTEST_WINDOW, catchup.window)


def _action(
    wanted: Declaration, declared: DeclaredSchedule, fleet: str, task_queue: str
) -> ScheduleActionStartWorkflow:
    spec = wanted.spec
    return ScheduleActionStartWorkflow(
        WORKFLOW_TYPES[spec.kind],
        {ARGUMENT_KEYS[spec.kind]: spec.name},
        id=spec.name,
        task_queue=task_queue,
        memo={
            SCHEDULE_MEMO: {
                "fleet": fleet,
                "source": wanted.source,
                "digest": spec.digest,
                "declared": declared.model_dump(mode="json", exclude_defaults=True),
            }
        },
        typed_search_attributes=search_attributes(spec),
        static_summary=summary(spec),
        static_details=spec.description or None,
    )


def summary(spec: AgentSpec | PipelineSpec) -> str:
    """Return the line that names the runs in lists of the Temporal UI."""
    return f"{spec.name} · {spec.team}"


def search_attributes(spec: AgentSpec | PipelineSpec) -> TypedSearchAttributes:
    """Return what the runs, the schedule and the keeper are found by."""
    values = {SEARCH_ATTRIBUTES[spec.kind]: spec.name, "RotaTeam": spec.team}
    return TypedSearchAttributes(
        [
            SearchAttributePair(SearchAttributeKey.for_keyword(name), value)
            for name, value in values.items()
        ]
    )


def _spec(declared: DeclaredSchedule) -> ScheduleSpec:
    return ScheduleSpec(
        calendars=[_calendar(calendar) for calendar in structured_calendars(declared)],
        intervals=[ScheduleIntervalSpec(every=every) for every in declared.every],
        skip=[_calendar(calendar) for calendar in excluded_calendars(declared)],
        start_at=aware(declared.start) if declared.start else None,
        end_at=aware(declared.end) if declared.end else None,
        jitter=declared.jitter or None,
        time_zone_name=declared.timezone,
    )


def _calendar(calendar: StructuredCalendar) -> ScheduleCalendarSpec:
    return ScheduleCalendarSpec(
        second=_ranges(calendar.second),
        minute=_ranges(calendar.minute),
        hour=_ranges(calendar.hour),
        day_of_month=_ranges(calendar.day_of_month),
        month=_ranges(calendar.month),
        year=_ranges(calendar.year),
        day_of_week=_ranges(calendar.day_of_week),
        comment=calendar.comment or None,
    )


def _ranges(ranges: tuple[Range, ...]) -> list[ScheduleRange]:
    return [ScheduleRange(start=r.start, end=r.end, step=r.step) for r in ranges]
