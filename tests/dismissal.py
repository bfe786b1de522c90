"""Take what a test has left on a server out of the server's lists.

Plans, drift and many commands read every keeper and every schedule there is. Each test that
left its own made all later ones of its server slower.
"""

import asyncio
from contextlib import suppress

from temporalio.client import Client
from temporalio.service import RPCError

from rota.ids import keeper_queue
from tests.stack import Stack


async def dismiss(stack: Stack) -> None:
    """End whatever is open on the stack's queues, and delete the schedules named after it.

    What the lists do not show yet stays: it costs later tests time, and nothing else.
    """
    client, queue = stack.client, stack.task_queue
    queues = f"'{queue}', '{keeper_queue(queue)}'"
    query = f"TaskQueue IN ({queues}) AND ExecutionStatus = 'Running'"
    schedules = [each.id async for each in await client.list_schedules()]
    own = [id for id in schedules if id.endswith(f"-{queue}")]
    await asyncio.gather(*(_delete(client, id) for id in own))
    workflows = [each.id async for each in client.list_workflows(query)]
    await asyncio.gather(*(_terminate(client, id) for id in workflows))


async def _delete(client: Client, id: str) -> None:
    with suppress(RPCError):  # deleted by the test itself
        await client.get_schedule_handle(id).delete()


async def _terminate(client: Client, id: str) -> None:
    with suppress(RPCError):  # ended meanwhile
        await client.get_workflow_handle(id).terminate("the test is over")
