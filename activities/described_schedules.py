"""All schedules of a namespace, each as the server describes it. Activity side: reads."""

from collections.abc import AsyncIterator

from temporalio.client import Client, ScheduleDescription
from temporalio.service import RPCError

from activities.server_errors import is_missing


async def described_schedules(client: Client) -> AsyncIterator[ScheduleDescription]:
    """Yield them; one that was deleted meanwhile is left out.

    Raises:
        temporalio.service.RPCError: the server does not answer.
    """
    async for schedule in await client.list_schedules():
        try:
            described = await client.get_schedule_handle(schedule.id).describe()
        except RPCError as error:
            if not is_missing(error):
                raise
            continue
        yield described
