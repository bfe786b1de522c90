"""The endpoint that providers post their answers to: `rota worker --callbacks`, `rota gateway`.

A door to the outside, so it does little: it checks the token, reads a bounded body, keeps
it in the object store, and says nothing about what it knows. What an answer means is for
the run to judge, on whichever worker observes it.

It speaks plain HTTP: put what ends TLS for the public address before it.
"""

import asyncio
import logging
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from activities.callbacks import (
    PATH,
    SECRET_VARIABLE,
    SHORTEST_SECRET,
    WAKING,
    Callbacks,
    offer,
)
from activities.secrets import Secrets
from activities.stores.base import ObjectStore, StoreError
from workers.gateway.rates import Buckets, retry_after
from workers.http_server import ListenError, http_served, listener_at

MAX_BYTES = 4 * 1024 * 1024
"""Bytes of one answer; a larger result belongs where the answer points to."""
READ_SECONDS = 15.0
"""How long a sender may take: a slow one must not hold a place for ever."""
LONGEST_SECONDS = 2 * READ_SECONDS
"""How long a connection may last: one that says nothing holds a place, too."""
PLACES = 200
"""Requests at once; more are told to come again."""
GRACE_SECONDS = 5
"""How long a stopping worker lets senders finish: they post again."""
RINGS_PER_MINUTE = 60
"""Calls at one address that only wakes: each costs the store two requests, and who waits there
looks no more often than every few seconds."""
MOST_RUNG = 10_000
"""Addresses whose rate is remembered: only those that were given out, so about as many sessions."""

log = logging.getLogger("rota.callbacks")


class CallbackOptionsError(Exception):
    """What the worker was told about callbacks cannot work; the message says what to write."""


def callbacks_from(
    store: ObjectStore, listen: str | None, url: str | None, gateway: str | None = None
) -> Callbacks | None:
    """Return the worker's callbacks; None if it was told of none.

    Args:
        store: Keeps the answers.
        listen: `HOST:PORT` to receive them at.
        url: Public address of the receivers; None: the gateway's.
        gateway: `gateway.url` of fleet.yaml. By itself, without the secret, it asks for nothing.

    Raises:
        CallbackOptionsError: something is missing or malformed.
    """
    if not listen and not url and not (gateway and _has_secret()):
        return None
    url = url or gateway
    if not url or not url.startswith(("https://", "http://")):
        raise CallbackOptionsError(
            "--callback-url (ROTA_CALLBACK_URL), or gateway.url in fleet.yaml, must be the address "
            "that providers reach --callbacks at, such as https://rota.example.com"
        )
    return Callbacks(store, url, _secret())


def receiver_of(store: ObjectStore) -> Callbacks | None:
    """Return what receives answers in a process that gives out no addresses: a gateway.

    None if it was not told the secret.

    Raises:
        CallbackOptionsError: the secret is too short.
    """
    return Callbacks(store, "", _secret()) if _has_secret() else None


def _has_secret() -> bool:
    return bool(os.environ.get(SECRET_VARIABLE, "").strip())


def _secret() -> str:
    secret = os.environ.get(SECRET_VARIABLE, "").strip()
    if len(secret) < SHORTEST_SECRET:
        raise CallbackOptionsError(
            f"set {SECRET_VARIABLE} to the same random text of at least {SHORTEST_SECRET} "
            "characters for all workers: it signs the addresses given to providers"
        )
    Secrets().keep_out(secret)
    return secret


@asynccontextmanager
async def receiving(callbacks: Callbacks | None, listen: str | None) -> AsyncGenerator[str | None]:
    """Offer callbacks to this process's runtimes, and receive them, while the block lasts.

    Yields the address listened at, None without `listen`.

    Raises:
        CallbackOptionsError: the address is none, or taken.
    """
    offer(callbacks)
    try:
        if callbacks is None or not listen:
            yield None
        else:
            try:
                listener = listener_at(listen, "--callbacks (ROTA_CALLBACKS)")
            except ListenError as error:
                raise CallbackOptionsError(str(error)) from error
            serving = http_served(
                application(callbacks),
                listener,
                connection=_Connection,
                places=PLACES,
                grace_seconds=GRACE_SECONDS,
            )
            async with serving as address:
                log.info("receiving callbacks at %s for %s", address, callbacks.url)
                yield address
    finally:
        offer(None)


def application(callbacks: Callbacks) -> Starlette:
    """Return the endpoint of a worker."""
    return Starlette(routes=routes(callbacks))


def routes(callbacks: Callbacks) -> list[Route]:
    """Return the endpoint: `POST /callbacks/<token>`, and `POST /callbacks/wake/<token>`.

    202 for an answer that was kept, or a call that wakes somebody; 200 for one that changes
    nothing; 404 for a token that was not given out, 413 for a body that is too large, 429 for more
    than `RINGS_PER_MINUTE` at one address that wakes, 503 if the store cannot take it now.
    """
    rings = Buckets(RINGS_PER_MINUTE, MOST_RUNG)

    async def answer(request: Request) -> Response:
        place = callbacks.place_of(request.path_params["token"])
        return await receive(request, place, callbacks.keep)

    async def wake(request: Request) -> Response:
        place = callbacks.woken_by(request.path_params["token"])
        # Of addresses that were given out alone: others must not crowd them out of memory.
        if place is not None and (wait := rings.wait(place, time.monotonic())):
            return Response(status_code=429, headers=retry_after(wait))
        return await receive(request, place, lambda place, _: callbacks.wake(place))

    async def receive(
        request: Request, place: str | None, take: Callable[[str, bytes], Awaitable[bool]]
    ) -> Response:
        if place is None:
            return Response(status_code=404)
        try:
            async with asyncio.timeout(READ_SECONDS):
                body = await _body(request)
        except (TimeoutError, ClientDisconnect):
            return Response(status_code=408)
        if body is None:
            return Response(status_code=413)
        try:
            first = await take(place, body)
        except StoreError as error:
            log.warning("a callback was not taken, its sender was told to try again: %s", error)
            return Response(status_code=503, headers={"Retry-After": "10"})
        return Response(status_code=202 if first else 200)

    return [
        Route(f"{WAKING}/{{token:path}}", wake, methods=["POST"]),
        Route(f"{PATH}/{{token:path}}", answer, methods=["POST"]),
    ]


async def _body(request: Request) -> bytes | None:
    """The body; None if it is too large."""
    parts = bytearray()
    async for chunk in request.stream():
        parts += chunk
        if len(parts) > MAX_BYTES:
            return None
    return bytes(parts)


class _Connection(H11Protocol):
    """Ends after its time, whatever it is at: the server itself waits for ever for a request."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._over = self.loop.call_later(LONGEST_SECONDS, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._over.cancel()
        super().connection_lost(exc)
