"""A program's end is told as soon as nobody of it is left, whoever reads what it wrote."""

import asyncio
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import ExitStack
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


@pytest.fixture
def many_open_files() -> Iterator[None]:
    """More than 1,024 descriptors, as a worker has that watches many sessions."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(4096, limits[0]), limits[1]))
    with ExitStack() as opened:
        for _ in range(1100):
            opened.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.usefixtures("many_open_files")
async def test_program_of_a_worker_with_many_open_files_is_seen_to_its_end(tmp_path: Path) -> None:
    """Descriptors above 1,023 are as good as others."""
    async with started(["echo", "here"], cwd=tmp_path, env={}) as process:
        assert await process.stdout.read() == b"here\n"
        assert await process.ended() == 0
