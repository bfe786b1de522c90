"""Commands that talk to a server: connect, work, and give up when it is gone.

Temporal's client repeats some calls for ever (waiting for a result, or for an update),
so each command runs beside a watch that notices a server that went away.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError

from activities.stores.base import ObjectStore
from workers.connection import UnreachableError, connect, quiet_core, target_of
from workers.encryption import store_of
from workers.settings import Settings

CONNECT_SECONDS = 10.0
"""An address that drops packets never refuses."""
PULSE_SECONDS = 2.0
PULSE_TIMEOUT = timedelta(seconds=3)
PULSES_LOST = 3
"""A server that restarts answers again within a few seconds; 3 pulses are 6 to 15 s."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Link:
    """A command's way to the server and the store."""

    client: Client
    store: ObjectStore
    settings: Settings

    @property
    def address(self) -> str:
        """Where the server is."""
        return target_of(self.settings)[0]


def with_server(settings: Settings, work: Callable[[Link], Awaitable[Result]]) -> Result:
    """Connect, do `work` and return what it returns.

    Raises:
        UnreachableError: no server answers, or it stopped answering meanwhile.
        KeyboardInterrupt: Ctrl-C; `work` was cancelled.
    """
    quiet_core()
    # What the core warns of, and which key is missing, a command tells in its own words.
    for name in ("temporal.core", "rota.encryption"):
        logging.getLogger(name).addHandler(logging.NullHandler())
    return asyncio.run(_linked(settings, work))


async def _linked(settings: Settings, work: Callable[[Link], Awaitable[Result]]) -> Result:
    store = store_of(settings)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            client = await connect(settings, store)
    except TimeoutError:
        address, namespace = target_of(settings)
        raise UnreachableError(
            f"no Temporal server answers at {address} (namespace {namespace}) within "
            f"{CONNECT_SECONDS:.0f} s: check the address and the network"
        ) from None
    working = asyncio.ensure_future(work(Link(client, store, settings)))
    pulse = asyncio.ensure_future(_until_lost(client))
    try:
        await asyncio.wait((working, pulse), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise UnreachableError(
            f"the Temporal server at {target_of(settings)[0]} stopped answering: look at it, "
            "then repeat the command; what it acknowledged is kept"
        )
    finally:
        pulse.cancel()
        working.cancel()
        await asyncio.gather(working, pulse, return_exceptions=True)


async def _until_lost(client: Client) -> None:
    lost = 0
    while lost < PULSES_LOST:
        await asyncio.sleep(PULSE_SECONDS)
        try:
            await client.workflow_service.get_system_info(
                GetSystemInfoRequest(), timeout=PULSE_TIMEOUT
            )
            lost = 0
        except RPCError:
            lost += 1
