"""The Watchdog's own schedule: as a fleet declares it, as the server has it, and what follows.

One for each fleet, by the fleet's name; no agent can be called like it.
"""

from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError

from activities.server_errors import is_missing
from activities.server_schedule import SHORTEST_WINDOW
from rota.ids import keeper_queue, watchdog_id
from rota.language.durations import format_duration
from rota.visibility import SCHEDULE_MEMO
from rota.watchdog.looks import WatchOrder
from schedules.apply_errors import ApplyError
from schedules.changes import Action, AgentPlan, FieldChange, Step
from schedules.differences import field_changes
from schedules.fields import schedule_fields
from schedules.fleet import FLEET_FILE, Fleet
from schedules.live import LiveSchedule, live_schedule
from schedules.reading_back import read_back
from schedules.schedule_writing import delete_schedule

WATCHDOG_WORKFLOW = "Watchdog"
LONGEST_CHECK = timedelta(minutes=10)
"""A check that hangs keeps the next ones from beginning; this ends it."""


def desired_watchdog(fleet: Fleet, task_queue: str) -> Schedule | None:
    """Return the schedule that the fleet declares for its Watchdog; None without one."""
    declared = fleet.file.watchdog
    if declared is None:
        return None
    order = WatchOrder(
        fleet=fleet.name,
        task_queue=task_queue,
        every_seconds=declared.every.total_seconds(),
        notify=declared.notify,
        beat=declared.beat,
        archive=declared.archive,
    )
    return Schedule(
        action=ScheduleActionStartWorkflow(
            WATCHDOG_WORKFLOW,
            order.model_dump(mode="json"),
            id=watchdog_id(fleet.name),
            task_queue=keeper_queue(declared.queue or task_queue),
            execution_timeout=LONGEST_CHECK,
            memo={SCHEDULE_MEMO: {"fleet": fleet.name, "source": FLEET_FILE}},
            static_summary=f"watchdog of {fleet.name}",
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=declared.every)]),
        policy=SchedulePolicy(
            # What a check remembers is the result of the one before: two at once would tell twice.
            overlap=ScheduleOverlapPolicy.SKIP,
            catchup_window=max(SHORTEST_WINDOW, declared.every),
            pause_on_failure=False,
        ),
    )


def watchdog_conflicts(fleet: Fleet, live: LiveSchedule | None) -> list[str]:
    """Return why the fleet may not have its Watchdog, one line per reason."""
    id = watchdog_id(fleet.name)
    if fleet.file.watchdog is None or live is None or live.fleet == fleet.name:
        return []
    owner = f"belongs to fleet '{live.fleet}'" if live.fleet else "exists and no fleet owns it"
    return [f"schedule '{id}' {owner}: delete it with 'temporal schedule delete -s {id}'"]


async def live_watchdog(client: Client, fleet: str) -> LiveSchedule | None:
    """Return the schedule of the fleet's Watchdog as the server has it; None: it has none."""
    return await live_schedule(client, watchdog_id(fleet))


def watchdog_plan(fleet: Fleet, live: LiveSchedule | None, task_queue: str) -> AgentPlan | None:
    """Return what is to happen to the Watchdog; None: there is none, and none was."""
    wanted, declared = desired_watchdog(fleet, task_queue), fleet.file.watchdog
    planned = AgentPlan(
        agent=watchdog_id(fleet.name),
        kind="Watchdog",
        action=Action.UNCHANGED,
        source=FLEET_FILE if declared else "",
    )
    if wanted is None or declared is None:
        if live is None or live.fleet != fleet.name:
            return None
        gone = FieldChange(field="watchdog", before="present")
        steps = (Step.DELETE_SCHEDULE,)
        removal = {"action": Action.REMOVE, "fields": (gone,), "steps": steps}
        return planned.model_copy(update=removal)
    if live is None:
        new = FieldChange(field="watchdog.every", after=format_duration(declared.every))
        steps = (Step.CREATE_SCHEDULE,)
        creation = {"action": Action.CREATE, "fields": (new,), "steps": steps}
        return planned.model_copy(update=creation)
    fields = schedule_fields(wanted)
    if live.fields == fields:
        return planned
    changed = tuple(field_changes(live.fields, fields))
    change = {"action": Action.CHANGE, "fields": changed, "steps": (Step.UPDATE_SCHEDULE,)}
    return planned.model_copy(update=change)


async def write_watchdog(client: Client, fleet: Fleet, task_queue: str, step: Step) -> None:
    """Carry out one step of the plan. Idempotent, but for the creation.

    Raises:
        ApplyError: somebody else changed it meanwhile, or the server does not show it.
    """
    id, wanted = watchdog_id(fleet.name), desired_watchdog(fleet, task_queue)
    if wanted is None:
        await delete_schedule(client, id)
        return

    def whole(_now: ScheduleUpdateInput) -> ScheduleUpdate:
        return ScheduleUpdate(wanted)

    try:
        if step is Step.CREATE_SCHEDULE:
            await client.create_schedule(id, wanted, memo={SCHEDULE_MEMO: {"fleet": fleet.name}})
        else:
            await client.get_schedule_handle(id).update(whole)
    except ScheduleAlreadyRunningError:
        raise ApplyError(f"{id}: somebody else created it just now; plan again") from None
    except RPCError as error:
        if not is_missing(error):
            raise
        raise ApplyError(f"{id}: it was deleted just now; plan again") from None
    fields = schedule_fields(wanted)

    async def differing() -> list[str]:
        live = await live_watchdog(client, fleet.name)
        shown = live.fields if live else {}
        return [field for field in fields if fields[field] != shown.get(field)]

    await read_back(id, differing)
