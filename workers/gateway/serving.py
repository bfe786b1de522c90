"""The gateway as it runs: it listens, and stops in order when it is told to."""

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from workers.gateway.app import application
from workers.gateway.place import Gateway
from workers.http_server import Tls, http_served
from workers.stop_signals import told_to_stop

SILENT_SECONDS = 30.0
"""How long a connection may take over one request's head, or between two requests."""
PLACES = 500
"""Connections at once; more are told to come again."""
GRACE_SECONDS = 20
"""How long requests in flight may take while the gateway stops: above what any route allows
itself, below the thirty seconds that supervisors commonly wait."""

log = logging.getLogger("rota.gateway")


class _Connection(H11Protocol):
    """Ends if no request of it is being answered, and none has come for a while.

    The server itself waits for ever for the rest of a request's head.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._last: object = None
        self._look = self.loop.call_later(SILENT_SECONDS, self._look_again)

    def connection_lost(self, exc: Exception | None) -> None:
        self._look.cancel()
        super().connection_lost(exc)

    def _look_again(self) -> None:
        newest: Any = self.cycle  # None before the first request
        is_idle = newest is None or newest.response_complete
        if is_idle and newest is self._last:
            self.transport.abort()
            return
        self._last = newest
        self._look = self.loop.call_later(SILENT_SECONDS, self._look_again)


@asynccontextmanager
async def gateway_served(
    gateway: Gateway, listener: socket.socket, tls: Tls | None = None
) -> AsyncGenerator[str]:
    """Serve while the block lasts; yields the address.

    Raises:
        OSError: the certificate or its key cannot be read.
    """
    async with gateway.closing:
        serving = http_served(
            application(gateway),
            listener,
            connection=_Connection,
            places=PLACES,
            grace_seconds=GRACE_SECONDS,
            tls=tls,
        )
        async with serving as address:
            yield address


async def serve_until_stopped(
    gateway: Gateway, listener: socket.socket, tls: Tls | None = None
) -> None:
    """Serve until SIGINT or SIGTERM; a second one ends the process at once.

    Raises:
        OSError: the certificate or its key cannot be read.
    """
    with told_to_stop() as stop:
        async with gateway_served(gateway, listener, tls) as address:
            log.info("serving fleet %s at %s", gateway.fleet.name, address)
            await stop.wait()
            log.info("stopping: requests in flight may finish (up to %d s)", GRACE_SECONDS)
        log.info("stopped")
