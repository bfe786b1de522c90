"""Write the schedule that a declaration asks for, and see that the server shows it."""

from temporalio.client import (
    Client,
    Schedule,
    ScheduleAlreadyRunningError,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError

from activities.server_errors import is_missing
from rota.visibility import SCHEDULE_MEMO
from schedules.apply_errors import ApplyError
from schedules.declared import Declaration
from schedules.desired import desired_schedule, search_attributes
from schedules.fields import schedule_fields
from schedules.live import live_schedule
from schedules.reading_back import read_back


async def create_schedule(
    client: Client, declared: Declaration, fleet: str, task_queue: str
) -> None:
    """Create the schedule of `declared`, which must ask for one.

    Raises:
        ApplyError: somebody else did meanwhile, or the server does not show it.
    """
    name, wanted = declared.spec.name, _wanted(declared, fleet, task_queue)
    try:
        await client.create_schedule(
            name,
            wanted,
            memo={SCHEDULE_MEMO: {"fleet": fleet}},
            search_attributes=search_attributes(declared.spec),
        )
    except ScheduleAlreadyRunningError:
        raise ApplyError(
            f"{name}: somebody else created its schedule just now; plan again"
        ) from None
    await _read_back(client, name, wanted)


async def update_schedule(
    client: Client, declared: Declaration, fleet: str, task_queue: str
) -> None:
    """Replace the schedule of `declared` by the one it asks for. Idempotent.

    Raises:
        ApplyError: it was deleted meanwhile, or the server does not show the update.
    """
    name, wanted = declared.spec.name, _wanted(declared, fleet, task_queue)

    def whole(_now: ScheduleUpdateInput) -> ScheduleUpdate:
        return ScheduleUpdate(wanted, search_attributes=search_attributes(declared.spec))

    try:
        await client.get_schedule_handle(name).update(whole)
    except RPCError as error:
        if not is_missing(error):
            raise
        raise ApplyError(f"{name}: its schedule was deleted just now; plan again") from None
    await _read_back(client, name, wanted)


async def delete_schedule(client: Client, name: str) -> None:
    """Delete a schedule. Idempotent: none is fine."""
    try:
        await client.get_schedule_handle(name).delete()
    except RPCError as error:
        if not is_missing(error):
            raise


def _wanted(declared: Declaration, fleet: str, task_queue: str) -> Schedule:
    wanted = desired_schedule(declared, fleet, task_queue)
    assert wanted is not None  # a plan has these steps only for what has a schedule
    return wanted


async def _read_back(client: Client, name: str, wanted: Schedule) -> None:
    fields = schedule_fields(wanted)

    async def differing() -> list[str]:
        live = await live_schedule(client, name)
        shown = live.fields if live else {}
        return [field for field in fields if fields[field] != shown.get(field)]

    await read_back(name, differing)
