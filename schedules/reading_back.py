"""Look again at what was written, until the server shows it.

The SDK updates without a conflict token, and the server may drop an update without a word,
so only reading it again tells.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from schedules.apply_errors import ApplyError

READ_BACK = timedelta(seconds=5)
"""How long the server may go on showing what was there before an update."""
LOOK_AGAIN = timedelta(milliseconds=100)


async def read_back(name: str, differing: Callable[[], Awaitable[list[str]]]) -> None:
    """Return once nothing differs any more.

    Args:
        name: the agent or pipeline, for the message.
        differing: asks the server, and returns the fields that are not as written.

    Raises:
        ApplyError: something still differs after `READ_BACK`.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + READ_BACK.total_seconds()
    while fields := await differing():
        if loop.time() > end:
            raise ApplyError(
                f"{name}: the server does not show what was written: {', '.join(fields)}; "
                "somebody else changes it too: plan again"
            )
        await asyncio.sleep(LOOK_AGAIN.total_seconds())
