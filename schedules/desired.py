"""A declared agent or pipeline as the Temporal schedule it asks for.

Pure: no server is asked. The schedule carries nothing but when to run and whom
(`{"agent": name}`, `{"pipeline": name}`): what it *is* lies with its keeper, so that a run
started by hand and one started by the clock read the same declaration. Calendars are sent
as ranges with the declared text as their comment, because the server forgets cron text.
"""

from temporalio.client import Schedule, ScheduleActionStartWorkflow, ScheduleState
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from activities.server_schedule import server_policy, server_spec
from rota.agent_spec import AgentSpec
from rota.kinds import ARGUMENT_KEYS, WORKFLOW_TYPES
from rota.pipelines.spec import PipelineSpec
from rota.schedule.spec import ScheduleSpec as DeclaredSchedule
from rota.visibility import SCHEDULE_MEMO
from schedules.declared import Declaration

SEARCH_ATTRIBUTES = {"Agent": "RotaAgent", "Pipeline": "RotaPipeline"}
PAUSED_NOTE = "declared paused"


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
        spec=server_spec(declared),
        policy=server_policy(declared),
        state=ScheduleState(paused=declared.paused, note=PAUSED_NOTE if declared.paused else None),
    )


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
