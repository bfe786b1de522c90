"""What a late run must know of its schedule: asked of the server itself."""

from bisect import bisect_right
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleOverlapPolicy,
)
from temporalio.service import RPCError

from activities.matching_times import matching_times
from activities.server_errors import is_missing
from rota.keepers.admission import AdmissionRequest
from rota.keepers.slots import LATE
from rota.schedule.calendars import iter_times
from rota.schedule.spec import ScheduleSpec
from rota.visibility import SCHEDULE_MEMO

ON_TIME = timedelta(seconds=2)
"""A slot admitted this soon needs no look-up: that is every slot of a healthy system."""
PASSED_LIMIT = 1000
"""The newest of them: that one runs in place of the others."""

_HOLDS_BACK = (ScheduleOverlapPolicy.BUFFER_ONE, ScheduleOverlapPolicy.BUFFER_ALL)


async def with_passed_slots(
    client: Client, schedule_id: str, request: AdmissionRequest, now: datetime
) -> AdmissionRequest:
    """Add to a late scheduled run's request which slots passed since, and if it is meant.

    Nothing is added if the run is on time or the schedule no longer exists.
    """
    if request.slot is None or now - request.slot < ON_TIME:
        return request
    try:
        schedule = (await client.get_schedule_handle(schedule_id).describe()).schedule
        times = await matching_times(client, schedule_id, request.slot, now)
    except RPCError as error:
        if is_missing(error):
            return request
        raise
    if times and schedule.spec.jitter:
        times = _nominal(times, await _declared(client, schedule), request.slot)
    run = client.get_workflow_handle(request.run.id, run_id=request.run.key)
    started = (await run.describe()).start_time
    return request.model_copy(
        update={
            "passed_slots": tuple(times[-PASSED_LIMIT:]),
            "backfill": _is_backfill(schedule, request.slot, started),
        }
    )


def _nominal(
    times: list[datetime], declared: ScheduleSpec | None, slot: datetime
) -> list[datetime]:
    """Take the jitter off: the server lists when it started slots, not their names.

    Jitter never reaches the next slot, so each time belongs to the slot just before it.
    Of a schedule that Rota did not write the slots cannot be told: then none.
    """
    if declared is None:
        return []
    slots = list(takewhile(lambda at: at <= times[-1], iter_times(declared, slot)))
    return sorted({slots[bisect_right(slots, at) - 1] for at in times if slots[0] <= at})


async def _declared(client: Client, schedule: Schedule) -> ScheduleSpec | None:
    """The schedule as its declaration has it; `apply` leaves it in the action's memo."""
    action = schedule.action
    memo = action.memo if isinstance(action, ScheduleActionStartWorkflow) else None
    value: Any = (memo or {}).get(SCHEDULE_MEMO)
    if isinstance(value, Payload):
        (value,) = await client.data_converter.decode([value])
    try:
        return ScheduleSpec.model_validate(value["declared"])
    except (KeyError, TypeError, ValueError):
        # None, or written by a version of Rota that declared schedules differently.
        return None


def _is_backfill(schedule: Schedule, slot: datetime, started: datetime) -> bool:
    """True if only a person can have started a run for so old a slot.

    The server drops what is older than the catch-up window, unless the overlap policy
    makes it hold slots back while another run works.
    """
    window, jitter = schedule.policy.catchup_window, schedule.spec.jitter or timedelta(0)
    if window is None or schedule.policy.overlap in _HOLDS_BACK:
        return False
    return started - slot > window + jitter + LATE
