"""Calls of a blocking client, from an event loop that may stop waiting for them.

Runs in activities. Each call has a thread of its own, as long as it lasts: a pool would be
full of sessions that are only listened to, and the interpreter waits for a pool's threads
when it ends, hours after a worker was told to stop.

A thread cannot be killed. Whoever stops waiting cuts the connection that the thread reads
from, and it ends at once; one that still waits for an answer to begin ends with the client's
read timeout. Neither lives for ever.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Line:
    """The connection that a call reads from, held where it can be cut."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: Any = None
        self._dropped = False

    def hold(self, body: Any) -> None:
        """Read from `body`, one of botocore's streams, until it is dropped."""
        with self._lock:
            self._held = raw_of(body)
            if not self._dropped:
                return
        self.drop()

    def drop(self) -> None:
        """Nobody waits for the call any more. From any thread; safe to repeat."""
        with self._lock:
            self._dropped, held = True, self._held
        if held is not None:
            # Not `close`, which waits for the thread that reads. Both errors say that the
            # answer was read to its end meanwhile.
            with contextlib.suppress(ValueError, RuntimeError, OSError):
                held.shutdown()

    def close(self) -> None:
        """The call is over, says its own thread.

        An answer that was not read to its end would keep its connection until somebody
        collects the garbage.
        """
        with self._lock:
            held, self._held = self._held, None
        if held is not None:
            held.close()


def raw_of(body: Any) -> Any:
    """Return urllib3's response behind one of botocore's streams.

    botocore gives no other way to the pieces as they come, nor to the socket: what wraps it
    reads as many bytes as it is asked for, however long they take.

    Raises:
        AttributeError: botocore has another inside; see tests/activities/providers.
    """
    return body._raw_stream


async def in_thread(work: Callable[[Line], T], name: str) -> T:
    """Run `work` in a thread of its own and return what it returns.

    Args:
        work: The blocking call; it gives the line the stream that it reads from.
        name: Of the thread, for those who look for it.

    Raises whatever `work` does. If it is cancelled, the line is dropped, and `work`'s end is
    not waited for.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    line = Line()

    def settle(setter: Callable[[Any], None], value: Any) -> None:
        if not future.done():
            setter(value)

    def run() -> None:
        try:
            outcome = (future.set_result, work(line))
        except BaseException as error:  # noqa: BLE001 - it is raised to whoever waits
            outcome = (future.set_exception, error)
        line.close()
        # A loop that is closed has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, *outcome)

    threading.Thread(target=run, name=name, daemon=True).start()
    try:
        return await future
    except asyncio.CancelledError:
        line.drop()
        raise


def on_loop(function: Callable[..., object]) -> Callable[..., None]:
    """Return `function` so that any thread may call it: it runs on this event loop, soon."""
    loop = asyncio.get_running_loop()

    def call(*args: object) -> None:
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(function, *args)

    return call
