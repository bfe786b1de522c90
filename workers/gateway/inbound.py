"""A delivery as it comes in: read, known by its signature, taken apart. Or answered at once.

Whoever holds no secret learns nothing: not which agents there are, nor what was wrong. So the
body is read and a signature computed also where nobody is posted to.
"""

import logging
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse

from rota.hooks.delivery import (
    challenge_in,
    delivery_id,
    hook_scope,
    is_ping,
    is_wanted,
)
from rota.hooks.signatures import is_signed
from workers.gateway.bodies import AnsweredError, Bodies
from workers.gateway.documents import DeliveryError, document_of
from workers.gateway.doors import NOBODYS, Door

log = logging.getLogger("rota.gateway")


@dataclass(frozen=True)
class Delivery:
    """What somebody who holds the secret has posted."""

    id: str
    scope: dict[str, Any]
    """What filters and templates see."""


class Inbound:
    """Takes deliveries in."""

    def __init__(self, most: int) -> None:
        """Take bodies of at most `most` bytes."""
        self._bodies = Bodies()
        self._most = most

    @asynccontextmanager
    async def delivery(self, request: Request, door: Door | None) -> AsyncGenerator[Delivery]:
        """Read the delivery; its body has its room until the block ends.

        Raises:
            AnsweredError: it is to go no further, and has its answer.
        """
        async with self._bodies.read(request, self._most) as body:
            yield _taken(request, NOBODYS if door is None else door, body)


def _taken(request: Request, door: Door, body: bytes) -> Delivery:
    headers, scheme = dict(request.headers.items()), door.spec.scheme
    signed = is_signed(scheme, door.keys, headers, body, time.time())
    if door is NOBODYS or not signed:
        _complain(door, request)
        raise AnsweredError(401, "unauthorized")
    if wait := door.rate.wait(time.monotonic()):
        raise AnsweredError(429, f"more than {door.spec.per_minute} a minute", wait)
    try:
        document = document_of(headers, body)
    except DeliveryError as error:
        raise AnsweredError(400, str(error)) from error
    if (challenge := challenge_in(scheme, document)) is not None:
        raise _answered(PlainTextResponse(challenge))
    id = delivery_id(scheme, headers, body, document)
    scope = hook_scope(scheme, headers, document, id)
    if is_ping(scheme, headers, document) or not is_wanted(door.spec, scope):
        raise _answered(JSONResponse({"id": id, "taken": False}))
    return Delivery(id, scope)


def _answered(response: PlainTextResponse | JSONResponse) -> AnsweredError:
    error = AnsweredError(200, "")
    error.response = response
    return error


def _complain(door: Door, request: Request) -> None:
    """Say so where there is a door: a secret that was exchanged on one side alone."""
    if door is NOBODYS or door.complaints.wait(time.monotonic()):
        return
    host = request.client.host if request.client else "somebody"
    log.warning("%s: a delivery from %s is not signed as declared, or not lately", door.name, host)
