"""Who tells a process to stop a second time is obeyed at once, even where the loop hangs."""

import os
import signal
import subprocess
import sys

import pytest

CODE = """
import asyncio, os, signal, sys, time
from workers import stop_signals
stop_signals.AGAIN_SECONDS = float(sys.argv[1])

async def main():
    with stop_signals.told_to_stop() as stop:
        print("up", flush=True)
        await stop.wait()
        print("stopping", flush=True)
        sys.stdin.read()  # holds the loop up, as a step does that cannot be cancelled
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("number", "again", "code"),
    [(signal.SIGINT, 0.0, 130), (signal.SIGTERM, 0.0, 143), (signal.SIGINT, 60.0, 0)],
)
def test_second_signal_ends_the_process_at_once(
    number: signal.Signals, again: float, code: int
) -> None:
    """With the code a shell gives it; one that comes with the first is no second one."""
    with subprocess.Popen(
        [sys.executable, "-c", CODE, str(again)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        os.kill(process.pid, number)
        assert process.stdout.readline() == "stopping\n"
        os.kill(process.pid, number)
        if code == 0:
            assert process.stdin is not None
            process.stdin.close()
        assert process.wait(30) == code
