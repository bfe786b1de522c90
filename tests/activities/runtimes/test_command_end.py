"""Nothing of a program is left behind: not after its end, a cancel, or a killed worker."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from activities.runtimes.command import CommandRuntime
from activities.secrets import Secrets
from rota.failures import FailureCategory, StepError
from rota.runtimes.session import ProviderSession, SessionRequest
from tests.activities.runtimes.session_requests import Reports, session_request

LINUX = sys.platform == "linux"
"""Only there are processes found that have left their group, and die with a keeper."""
AWAY = ["away"] if LINUX else []

FAMILY = """
import os, signal, subprocess, sys, time
folder, how = sys.argv[1:]
if "stubborn" in how:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
again = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"]
child = subprocess.Popen(again, start_new_session="away" in how)
for name, pid in (("parent", os.getpid()), ("child", child.pid)):
    with open(f"{folder}/{name}.new", "w") as file:
        file.write(str(pid))
    os.rename(f"{folder}/{name}.new", f"{folder}/{name}")
if "leave" not in how:
    time.sleep(600)
print("left")
"""
"""A program with a child, which may ignore SIGTERM, leave its group, or outlive the program."""


def family(folder: Path, how: str = "", **more: Any) -> SessionRequest:
    """The run of such a program."""
    program = FAMILY.replace("{", "{{").replace("}", "}}")
    words = [sys.executable, "-I", "-S", "-c", program, str(folder), how or "plain"]
    block = {"kind": "command", "command": words, "grace": "200ms"}
    return session_request(block, **more)


def alive(pid: int) -> bool:
    """Whether the process is there and more than a corpse."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat")
        return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for it."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - of processes nobody tells
            await asyncio.sleep(0.01)


async def pids(folder: Path) -> list[int]:
    """Who they are, once both are there."""
    files = [folder / "parent", folder / "child"]
    await until(lambda: all(file.exists() for file in files))
    return [int(file.read_text()) for file in files]


async def begin(
    request: SessionRequest,
) -> tuple[CommandRuntime, ProviderSession, "asyncio.Task[Any]"]:
    """Observe it in the background."""
    runtime = CommandRuntime(Secrets())
    session = await runtime.submit(request)
    watching = asyncio.create_task(runtime.observe(session, request, "", Reports()))
    return runtime, session, watching


@pytest.mark.parametrize("how", ["plain", "stubborn", *(f"stubborn {how}" for how in AWAY)])
async def test_cancel_ends_the_program_and_its_children(tmp_path: Path, how: str) -> None:
    """What ignores SIGTERM is killed, what left the group is found, and the end is confirmed."""
    request = family(tmp_path, how)
    runtime, session, watching = await begin(request)
    family_pids = await pids(tmp_path)
    stopped = await runtime.cancel(session, request.settings)
    assert stopped.confirmed
    assert not any(map(alive, family_pids))
    with pytest.raises(StepError):
        await watching
    assert (await runtime.cancel(session, request.settings)).confirmed


async def test_observe_cancelled_ends_the_program_first(tmp_path: Path) -> None:
    """Watching that is cancelled returns when nothing of the program is left."""
    request = family(tmp_path)
    runtime, session, watching = await begin(request)
    family_pids = await pids(tmp_path)
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    assert not any(map(alive, family_pids))
    assert (await runtime.cancel(session, request.settings)).confirmed


async def test_observe_cancelled_as_the_program_starts_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cancel between the program's birth and its pipes neither hangs nor leaves it behind."""
    start = asyncio.create_subprocess_exec

    async def born_first(*words: Any, **how: Any) -> asyncio.subprocess.Process:
        process = await start(*words, **how)
        await pids(tmp_path)
        watching.cancel()
        await asyncio.sleep(0)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", born_first)
    _, _, watching = await begin(family(tmp_path))
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(10):
            await watching
    assert not any(map(alive, await pids(tmp_path)))


@pytest.mark.parametrize("how", ["leave", *(f"leave {how}" for how in AWAY)])
async def test_observe_ended_program_leaves_no_children(tmp_path: Path, how: str) -> None:
    """A program that ends well takes along what it left in the background."""
    _, _, watching = await begin(family(tmp_path, how))
    family_pids = await pids(tmp_path)
    seen = await watching
    assert seen.message.text == "left"
    assert not any(map(alive, family_pids))


async def test_observe_past_the_deadline_ends_the_program(tmp_path: Path) -> None:
    """A worker cut off from everybody still ends the program when the run's time is up."""
    soon = datetime.now(UTC) + timedelta(seconds=1)
    _, _, watching = await begin(family(tmp_path, deadline=soon))
    family_pids = await pids(tmp_path)
    with pytest.raises(StepError) as caught:
        await watching
    assert caught.value.category is FailureCategory.LIMIT_REACHED
    assert not any(map(alive, family_pids))


async def test_cancel_by_another_worker_is_not_confirmed(tmp_path: Path) -> None:
    """A worker that never ran the program does not claim that it has ended."""
    request = family(tmp_path)
    stranger = CommandRuntime(Secrets())
    stopped = await stranger.cancel(await stranger.submit(request), request.settings)
    assert not stopped.confirmed


WORKER = """
import asyncio, sys
from activities.runtimes.command import CommandRuntime
from activities.secrets import Secrets
from rota.runtimes.session import SessionRequest

async def work(request):
    runtime = CommandRuntime(Secrets())
    await runtime.observe(await runtime.submit(request), request, "", lambda cursor, text: None)

asyncio.run(work(SessionRequest.model_validate_json(sys.argv[1])))
"""


@pytest.mark.parametrize("how", ["plain", *(f"stubborn {how}" for how in AWAY)])
async def test_worker_killed_takes_the_program_along(tmp_path: Path, how: str) -> None:
    """A worker ended by -9 leaves no process of the program behind."""
    request = json.dumps(family(tmp_path, how).model_dump(mode="json"))
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WORKER, request), cwd=Path(__file__).parents[3]
    )
    family_pids = await pids(tmp_path)
    assert all(map(alive, family_pids))
    worker.send_signal(signal.SIGKILL)
    await worker.wait()
    await until(lambda: not any(map(alive, family_pids)))


async def test_keeper_killed_is_a_failure_not_an_answer(tmp_path: Path) -> None:
    """Without its keeper nobody can vouch for the program: what it wrote is no answer."""
    _, _, watching = await begin(family(tmp_path))
    parent, child = await pids(tmp_path)
    ps = await asyncio.create_subprocess_exec(
        *("ps", "-o", "ppid=", "-p", str(parent)), stdout=asyncio.subprocess.PIPE
    )
    keeper, _ = await ps.communicate()
    os.kill(int(keeper), signal.SIGKILL)
    if LINUX:  # by itself, at its keeper's death
        await until(lambda: not alive(parent))
    with contextlib.suppress(ProcessLookupError):
        os.kill(parent, signal.SIGKILL)
    os.kill(child, signal.SIGKILL)
    with pytest.raises(StepError, match="its keeper was killed"):
        await watching
