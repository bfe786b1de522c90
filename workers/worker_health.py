"""`rota worker --health`: whether this worker lives, and whether it serves.

For the supervisor of the process: a worker has no other open port to be asked at. A worker that
can no longer serve ends by itself; what is left for `/healthz` is one whose event loop hangs.
"""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import TracebackType

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from workers.http_server import http_served, listener_at
from workers.readiness import Readiness

PLACES = 20
"""Connections at once: probes come one by one."""
OPTION = "--health (ROTA_HEALTH)"

log = logging.getLogger("rota.worker")


class Serving:
    """Whether the worker asks for work now: a context manager, entered while it does."""

    def __init__(self) -> None:
        self.state = "starting"

    def __enter__(self) -> None:
        """It serves."""
        self.state = "ok"

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """It takes nothing new; steps in flight may still finish."""
        self.state = "stopping"


@asynccontextmanager
async def probed(
    listen: str | None, readiness: Readiness, serving: Serving
) -> AsyncGenerator[str | None]:
    """Answer probes at `listen` while the block lasts; yields the address, None without one.

    Raises:
        ListenError: the address is none, or taken.
    """
    if not listen:
        yield None
        return
    answering = http_served(
        application(readiness, serving),
        listener_at(listen, OPTION),
        connection=H11Protocol,
        places=PLACES,
        grace_seconds=1,
    )
    async with answering as address:
        log.info("answering probes at %s", address)
        yield address


def application(readiness: Readiness, serving: Serving) -> Starlette:
    """Return `GET /healthz` and `GET /readyz`."""

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        found = {"worker": serving.state, **await readiness.look()}
        is_ready = all(each == "ok" for each in found.values())
        return JSONResponse(found, status_code=200 if is_ready else 503)

    return Starlette(routes=[Route("/healthz", healthz), Route("/readyz", readyz)])
