"""`rota dev`: one process tree, whole or gone."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.workers.cli.command_line import Ended, end_of, process, rota, start
from tests.workers.process_table import alive, arguments_of, children_of, gone
from workers.cli.exit_codes import ExitCode
from workers.devserver import free_port, port_is_free


@dataclass
class Dev:
    """A running `rota dev`."""

    folder: Path
    port: int
    process: "subprocess.Popen[str]"

    @property
    def children(self) -> set[int]:
        """Process ids of server and worker."""
        return set(children_of(self.process.pid))

    @property
    def worker(self) -> int:
        """Process id of the worker."""
        return next(pid for pid in self.children if "worker" in arguments_of(pid))

    async def rota(self, *arguments: str) -> Ended:
        """Run a command against it, as a process."""
        here = ("--fleet", str(self.folder), "--address", f"127.0.0.1:{self.port}")
        return await process(*arguments, *here)


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A fleet to develop."""
    assert (await rota("init", str(tmp_path / "my-fleet"))).code == ExitCode.OK
    return tmp_path / "my-fleet"


@asynccontextmanager
async def developing(folder: Path, *options: str) -> AsyncIterator[Dev]:
    """Run `rota dev` until it says that everything is up, and kill what is left after."""
    port = free_port()
    running = start("dev", str(folder), "--port", str(port), "--no-ui", *options)
    dev = Dev(folder, port, running)
    known: set[int] = set()
    try:
        assert running.stdout is not None
        while line := await asyncio.to_thread(running.stdout.readline):
            if "Ctrl-C" in line:
                break
        else:
            raise AssertionError((await end_of(running)).err)
        known = dev.children
        yield dev
    finally:
        running.kill()
        await end_of(running)
        await gone(known)


@pytest.fixture(scope="module")
async def dev(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Dev]:
    """One `rota dev` for the tests that leave it running."""
    folder = tmp_path_factory.mktemp("dev") / "my-fleet"
    assert (await rota("init", str(folder))).code == ExitCode.OK
    async with developing(folder) as running:
        yield running


async def test_dev_runs_the_fleet_that_init_writes(dev: Dev) -> None:
    """From nothing to a run with a result: init, dev, run."""
    ended = await dev.rota("run", "hello", "--json")
    assert ended.code == ExitCode.OK, ended.err
    assert ended.json["output"]["greeting"].startswith("Hello")


async def test_dev_replaces_a_worker_that_was_killed(dev: Dev) -> None:
    """A run started while the worker is dead is served by the next one."""
    old = dev.worker
    os.kill(old, signal.SIGKILL)
    ended = await dev.rota("run", "hello")
    assert ended.code == ExitCode.OK, ended.err
    assert dev.worker != old


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_dev_when_told_to_stop_leaves_nothing_running(
    folder: Path, number: signal.Signals
) -> None:
    """Ctrl-C and SIGTERM stop server and worker in order, with code 0 and no traceback."""
    async with developing(folder) as dev:
        children = dev.children
        assert len(children) == 2
        dev.process.send_signal(number)
        ended = await end_of(dev.process, 20)
        assert (ended.code, alive(children)) == (ExitCode.OK, set())
        assert "Traceback" not in ended.err
        assert port_is_free(dev.port)


async def test_dev_killed_takes_its_children_along_and_starts_again_on_its_database(
    folder: Path,
) -> None:
    """Even kill -9 orphans nothing, and what ran before is there in the next session."""
    async with developing(folder) as dev:
        first = (await dev.rota("run", "hello", "--json")).json["run_id"]
        children = dev.children
        dev.process.kill()
        await gone(children)
    async with developing(folder) as dev:
        listed = await dev.rota("runs", "--json")
        assert [run["run_id"] for run in listed.json] == [first]


async def test_second_dev_on_the_same_database_is_refused(dev: Dev) -> None:
    """Two servers on one file would ruin it: the second names the first and ends."""
    ended = await process("dev", str(dev.folder), "--port", str(free_port()), "--no-ui")
    assert (ended.code, ended.out) == (ExitCode.FAILED, "")
    assert f"process {dev.process.pid}" in ended.err
    assert len(ended.err.splitlines()) == 1


async def test_dev_on_a_taken_port_says_which_and_how_to_choose_another(dev: Dev) -> None:
    """A port that is taken is one line, and nothing is left running."""
    other = ("--db", str(dev.folder / "other.db"), "--no-ui", "--port", str(dev.port))
    ended = await process("dev", str(dev.folder), *other)
    assert ended.code == ExitCode.FAILED
    assert ended.err == (
        f"error: port {dev.port} is taken: stop its owner, or choose another with --port\n"
    )


async def test_dev_with_an_invalid_fleet_starts_nothing(folder: Path) -> None:
    """Errors in the files are told before a server is started."""
    (folder / "agents" / "hello.yaml").write_text("name: hello\n")
    ended = await process("dev", str(folder), "--no-ui", "--port", str(free_port()))
    assert (ended.code, ended.out) == (ExitCode.WRONG, "")
    assert "agents/hello.yaml" in ended.err
    assert not (folder / ".rota").exists()


async def test_dev_ignores_the_address_of_another_server(folder: Path) -> None:
    """With a production server in the environment, dev still talks to its own alone."""
    port = free_port()
    environ = {"TEMPORAL_ADDRESS": "127.0.0.1:1", "TEMPORAL_TLS": "true"}
    options = ("--port", str(port), "--no-ui")
    running = start("dev", str(folder), *options, environ=environ)
    try:
        assert running.stdout is not None
        line = await asyncio.to_thread(running.stdout.readline)
        assert "applied fleet my-fleet: 1 to create" in line
    finally:
        running.terminate()
        assert (await end_of(running)).code == ExitCode.OK
