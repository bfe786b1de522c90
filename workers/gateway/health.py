"""`/healthz`: this process answers. `/readyz`: so do the server and the store behind it.

Open to everybody, since whoever keeps a process alive has no secrets; so the answer names what
is missing and nothing else. Why it is missing stands in the log.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.service import RPCError

from activities.store_probe import PROBE, StoreProbe
from activities.stores.base import StoreError
from workers.gateway.place import Gateway

PATIENCE_SECONDS = 3.0
"""How long server and store may take: below the ten seconds that probes commonly wait."""
BELIEVED_SECONDS = 1.0
"""One look serves all who ask meanwhile: a probe must not be a way to keep the server busy."""

log = logging.getLogger("rota.gateway")

Look = Callable[[], Awaitable[None]]


class Readiness:
    """Whether the gateway could take something on now."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._probe = StoreProbe(gateway.store)
        self._looking = asyncio.Lock()
        self._looked: float | None = None
        self._found: dict[str, str] = {}

    async def look(self) -> dict[str, str]:
        """Return `ok` or `unreachable` for each of what the gateway needs."""
        async with self._looking:
            now = asyncio.get_running_loop().time()
            if self._looked is None or now - self._looked >= BELIEVED_SECONDS:
                looks: dict[str, Look] = {"server": self._server, "store": self._store}
                found = await asyncio.gather(*(_of(name, looks[name]) for name in looks))
                self._found = dict(zip(looks, found, strict=True))
                self._looked = asyncio.get_running_loop().time()
            return self._found

    async def _server(self) -> None:
        # More than a pulse: a token that was revoked, a namespace that is gone.
        client = self._gateway.client
        request = DescribeNamespaceRequest(namespace=client.namespace)
        await client.workflow_service.describe_namespace(request)

    async def _store(self) -> None:
        # Read each time, written now and then: a full disk is noticed, too.
        await self._gateway.store.get_ref(PROBE)
        await self._probe.check()


def routes(gateway: Gateway) -> Sequence[BaseRoute]:
    """Return the routes of this family."""
    readiness = Readiness(gateway)

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        found = await readiness.look()
        is_ready = all(each == "ok" for each in found.values())
        return JSONResponse(found, status_code=200 if is_ready else 503)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


async def _of(name: str, look: Look) -> str:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await look()
    except (RPCError, StoreError, TimeoutError) as error:
        log.warning("not ready: the %s: %s", name, error or "no answer in time")
        return "unreachable"
    return "ok"
