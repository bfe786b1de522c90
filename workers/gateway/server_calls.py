"""Calls of the Temporal server on behalf of somebody who waits for an answer."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.stores.base import StoreError
from rota.failures import PAYLOAD_ERROR_TYPE
from workers.gateway.bodies import AnsweredError

RPC = timedelta(seconds=3)
"""Of one attempt of a call."""
PATIENCE_SECONDS = 5.0
"""How long the server and the store may take over one delivery, attempts included: GitHub waits ten
seconds for an answer, and while the server is away nobody is to hold a place for long."""
AGAIN_SECONDS = 10

log = logging.getLogger("rota.gateway")


@asynccontextmanager
async def on_behalf(name: str) -> AsyncGenerator[None]:
    """Answer 503 if server or store do not take what the block gives them, 422 if they never will.

    Raises:
        AnsweredError: with one of these.
    """
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield
    except ApplicationError as error:
        if error.type != PAYLOAD_ERROR_TYPE:
            raise
        raise AnsweredError(422, error.message) from error
    except (RPCError, StoreError, OSError, TimeoutError) as error:
        if isinstance(error, RPCError) and error.status is RPCStatusCode.INVALID_ARGUMENT:
            raise AnsweredError(422, "the server refuses it") from error
        why = str(error) or "no answer in time"
        log.warning("%s: a delivery was told to come again: %s", name, why)
        raise AnsweredError(503, "come again", AGAIN_SECONDS) from error
