"""A program's end is told as soon as nobody of it is left, whoever reads what it wrote."""

import asyncio
import sys
from pathlib import Path

import pytest

from activities.providers.command_process import KILL_SECONDS, started

TALKER = """
import sys, time
getattr(sys, sys.argv[1]).write("x" * 1_000_000)
time.sleep(float(sys.argv[2]))
"""


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("stays", ["600", "0"])
async def test_stop_of_a_program_that_nobody_reads_is_confirmed_at_once(
    tmp_path: Path, stream: str, stays: str
) -> None:
    """Unread output is no sign of life: neither the end nor the block waits for a reader."""
    loop = asyncio.get_running_loop()
    words = [sys.executable, "-I", "-S", "-c", TALKER, stream, stays]
    async with started(words, cwd=tmp_path, env={}) as process:
        # It blocks, having written more than all buffers hold.
        await (process.stdout if stream == "stdout" else process.stderr).read(1)
        began = loop.time()
        assert await process.stop(0)
    assert loop.time() - began < KILL_SECONDS / 2


async def test_block_left_unread_closes_the_streams(tmp_path: Path) -> None:
    """A program that was started and forgotten leaves no descriptor open."""
    words = [sys.executable, "-I", "-S", "-c", TALKER, "stdout", "600"]
    async with started(words, cwd=tmp_path, env={}) as process:
        await process.stdout.read(1)
    assert process.stdout.at_eof()
    assert process.stderr.at_eof()
