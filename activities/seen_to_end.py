"""Calls with an effect, which are cut by nobody who stops waiting for them.

Activity side. A call that is cut is carried out all the same, only that nobody learns of it.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from temporalio import activity

T = TypeVar("T")


async def seen_to_end(
    call: Coroutine[Any, Any, T],
    matters: Callable[[activity.ActivityCancellationDetails], bool],
) -> T:
    """Await `call`; if the step is cancelled meanwhile, until it has ended or is given up.

    Args:
        call: What has an effect.
        matters: Whether what it comes to has still to be known, by why the step is cancelled.
            If not, or if nobody says why, the call is cancelled, too.
    """
    running = asyncio.ensure_future(call)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        details = activity.cancellation_details()
        if details is None or not matters(details):
            running.cancel()
            raise
        return await running
