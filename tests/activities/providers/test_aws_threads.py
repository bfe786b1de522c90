"""Blocking calls in threads of their own: results, failures, and the line that is cut."""

import asyncio
import threading
from typing import Any

import pytest

from activities.providers.aws_threads import Line, in_thread, on_loop


class Body:
    """A stream of botocore's whose socket is an event."""

    def __init__(self) -> None:
        self.cut = threading.Event()
        self.closed = threading.Event()
        self._raw_stream = self

    def shutdown(self) -> None:
        self.cut.set()

    def close(self) -> None:
        self.closed.set()


async def test_in_thread_gives_back_result_and_failure():
    """What the call returns or raises comes back to whoever waits."""

    def fail(line: Line) -> int:
        raise KeyError("x")

    assert await in_thread(lambda line: 3, "t") == 3
    with pytest.raises(KeyError, match="x"):
        await in_thread(fail, "t")


async def test_in_thread_does_not_block_the_interpreters_end():
    """A session that is listened to for hours must not keep a worker alive."""
    assert await in_thread(lambda line: threading.current_thread().daemon, "t")


async def test_in_thread_cancelled_cuts_the_line_that_is_held():
    """The thread that reads is woken, and ends."""
    body, started = Body(), threading.Event()

    def read(line: Line) -> None:
        line.hold(body)
        started.set()
        body.cut.wait(10)

    call = asyncio.create_task(in_thread(read, "t"))
    await asyncio.to_thread(started.wait, 5)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert body.cut.is_set()


async def test_line_dropped_before_it_is_held_is_cut_at_once():
    """An answer that begins after nobody waits any more is not read."""
    body, line = Body(), Line()
    line.drop()
    line.hold(body)
    assert body.cut.is_set()


async def test_in_thread_finished_call_closes_its_answer_and_cuts_nothing():
    """What was read to its end is back in the pool unharmed; what was not keeps no socket."""
    body = Body()

    def read(line: Line) -> None:
        line.hold(body)

    await in_thread(read, "t")
    assert body.closed.is_set()
    assert not body.cut.is_set()


async def test_on_loop_calls_from_a_thread_run_on_the_loop():
    """Reports reach the event loop's own thread, in order."""
    seen: list[tuple[int, threading.Thread]] = []
    tell = on_loop(lambda number: seen.append((number, threading.current_thread())))

    def work(line: Line) -> Any:
        tell(1)
        tell(2)

    await in_thread(work, "t")
    assert seen == [(1, threading.current_thread()), (2, threading.current_thread())]
