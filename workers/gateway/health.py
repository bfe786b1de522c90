"""`/healthz`: this process answers. `/readyz`: so do the server and the store behind it.

Open to everybody, since whoever keeps a process alive has no secrets.
"""

import logging
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from workers.gateway.place import Gateway
from workers.readiness import Readiness

log = logging.getLogger("rota.gateway")


async def look_at_start(gateway: Gateway) -> None:
    """Say in the log what is missing, such as a namespace; the gateway serves all the same."""
    await Readiness(gateway.client, gateway.store, log).look()


def routes(gateway: Gateway) -> Sequence[BaseRoute]:
    """Return the routes of this family."""
    readiness = Readiness(gateway.client, gateway.store, log)

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        found = await readiness.look()
        is_ready = all(each == "ok" for each in found.values())
        return JSONResponse(found, status_code=200 if is_ready else 503)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]
