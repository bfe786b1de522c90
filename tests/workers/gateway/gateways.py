"""A gateway in the test's own process, on a free port."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx2

from activities.stores.base import ObjectStore
from activities.trusted_roots import trusted_roots
from rota.fleet_file import FleetFile
from tests.stack import Stack
from workers.gateway.access import Access
from workers.gateway.place import Gateway
from workers.gateway.serving import gateway_served
from workers.http_server import listener_at
from workers.settings import Settings


def gateway_of(stack: Stack, token: str | None = None, store: ObjectStore | None = None) -> Gateway:
    """The gateway of a stack's fleet, which is called `test` as `Stack.declare` has it."""
    settings = Settings.read(stack.folder, store=stack.store.address, task_queue=stack.task_queue)
    fleet = FleetFile(name="test")
    return Gateway(stack.client, store or stack.store, settings, fleet, Access(token))


@asynccontextmanager
async def served(gateway: Gateway) -> AsyncGenerator[httpx2.AsyncClient]:
    """Serve it while the block lasts; yields a client that needs paths alone."""
    listener = listener_at("127.0.0.1:0", "--listen")
    async with (
        gateway_served(gateway, listener) as address,
        httpx2.AsyncClient(base_url=address, verify=trusted_roots()) as asking,
    ):
        yield asking
