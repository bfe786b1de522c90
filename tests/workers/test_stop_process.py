"""Ending a process group, whatever has become of its leader."""

import asyncio
import subprocess

import pytest

from tests.workers.process_table import gone
from workers.devserver import stop_process

LEADERS = {
    "alive": "sleep 1000 & echo $!; wait",
    "alive, its child deaf": "(trap '' TERM; while :; do sleep 1; done) & echo $!; wait",
    "dead": "sleep 1000 & echo $!; exit 0",
    "dead, its child deaf": "(trap '' TERM; while :; do sleep 1; done) & echo $!; exit 0",
}


@pytest.mark.parametrize("leader", LEADERS)
async def test_stop_process_leaves_nobody_of_the_group_behind(leader: str) -> None:
    """A worker's own children end with it, even if the worker died before."""
    process = subprocess.Popen(  # noqa: ASYNC220 - blocks for the milliseconds of a fork
        ["/bin/sh", "-c", LEADERS[leader]], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    with process.stdout:
        child = int(process.stdout.readline())
    if leader.startswith("dead"):
        process.wait(10)
    await asyncio.to_thread(stop_process, process)
    assert process.returncode is not None
    await gone({child})


def test_stop_process_of_a_group_that_has_ended_does_nothing() -> None:
    """Stopping twice is no error."""
    process = subprocess.Popen(["true"], start_new_session=True)
    process.wait(10)
    stop_process(process)
    assert process.returncode == 0
