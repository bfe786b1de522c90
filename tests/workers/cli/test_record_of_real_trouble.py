"""`rota missed` and `rota explain` after real trouble: a server stopped and started, and all else.

A slot every second; the test keeps its own list of what it has done to which. The server has the
scheduler of clusters, and a minute of lateness is a second and a half here.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from activities.tools.fleet import load_tools
from rota.expected import by_hand, evidence, gaps, outages
from rota.ids import format_slot, parse_slot
from rota.keepers import slots
from rota.keepers.state import KeeperState
from rota.runs import RunStatus
from tests.conftest import OLDER_SCHEDULER
from tests.processes.worker_process import kill
from tests.stack import Stack, open_stack
from tests.workers.cli.conftest import FleetOnServer
from tests.workflows.gates import poll, until
from workers.cli.exit_codes import ExitCode
from workers.devserver import DevServer, dev_server, free_port

SECOND = timedelta(seconds=1)
AGENT = """\
name: {name}
runtime:
  kind: scripted
  turns:
    - calls: [{{tool: gate.pass}}]
    - result: done
tools: [gate.pass]
schedule: {{every: 1s, overlap: skip, catchup: {{policy: all}}}}
"""
TOOLS = """
import pathlib, time
from rota.tools import tool

CLOSED = pathlib.Path(__file__).parent / "closed"

@tool(name="gate.pass")
def pass_gate() -> str:
    \"\"\"Wait while the gate is closed.\"\"\"
    while CLOSED.exists():
        time.sleep(0.01)
    return "passed"
"""


class Machine:
    """A server of the test's own, which keeps what it knows in a file."""

    def __init__(self, folder: Path, running: AsyncExitStack) -> None:
        self._database, self._port = folder / "temporal.db", free_port()
        self._running = running
        self._server: DevServer | None = None

    async def start(self) -> DevServer:
        """Start it, for the first time or again."""
        server = dev_server(database=self._database, port=self._port, extra_config=OLDER_SCHEDULER)
        self._server = await self._running.enter_async_context(server)
        return self._server

    async def kill(self) -> None:
        """Stop it as a power cut does."""
        assert self._server is not None
        await asyncio.to_thread(kill, self._server.process)


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    """Not started yet."""
    async with AsyncExitStack() as running:
        yield Machine(tmp_path, running)


@pytest.fixture
async def stack(machine: Machine, tmp_path: Path) -> Stack:
    """On that server alone."""
    server = await machine.start()
    return await open_stack(server.address, tmp_path)


@pytest.fixture(autouse=True)
def late(monkeypatch: pytest.MonkeyPatch) -> timedelta:
    """What is late for slots a second apart."""
    late = 1.5 * SECOND
    for module in (slots, by_hand, evidence, gaps, outages):
        monkeypatch.setattr(module, "LATE", late)
    monkeypatch.setattr(by_hand, "JUST_DECLARED", timedelta(0))
    return late


class Diary:
    """What the test has done to which slots."""

    def __init__(self) -> None:
        self.truth: dict[datetime, set[str]] = {}
        self._since = datetime.now(UTC)

    def begin(self) -> None:
        """From now on something is different."""
        self._since = datetime.now(UTC)

    async def hold(self, count: int) -> None:
        """Let so many slots come, and a little more."""
        last = datetime.now(UTC).replace(microsecond=0) + count * SECOND
        await asyncio.sleep((last + SECOND / 4 - datetime.now(UTC)).total_seconds())

    def end(self, *states: str) -> None:
        """Of all slots that came since `begin` one of these is true."""
        now, slot = datetime.now(UTC), self._since.replace(microsecond=0) + SECOND
        while slot < now:
            self.truth[slot] = {*states}
            slot += SECOND


async def settled(fleet: FleetOnServer) -> None:
    """Wait until a run has ended, and none is at work: for the keeper, and for the server."""
    now = datetime.now(UTC)
    client, agent = fleet.stack.client, fleet.agent

    def has_ended(state: KeeperState) -> bool:
        entries = state.ledger.values()
        ends = [entry.settled_at for entry in entries if entry.settled_at is not None]
        return len(ends) == len(entries) and max(ends, default=now) > now

    state = await until(fleet.stack, agent, has_ended)
    runs = [entry.run for entry in state.ledger.values() if entry.run is not None]
    newest = client.get_workflow_handle(runs[-1].id)

    async def closed() -> bool | None:
        return (await newest.describe()).close_time is not None or None

    await poll(closed)


async def work(fleet: FleetOnServer, machine: Machine) -> Diary:
    """Live through it: a slow run, a pause by hand, a freeze, an outage."""
    diary, agent = Diary(), fleet.agent
    schedule = fleet.stack.client.get_schedule_handle(agent)
    gate = fleet.folder / "closed"

    await settled(fleet)
    gate.touch()
    await until(
        fleet.stack,
        agent,
        lambda state: any(e.status is RunStatus.RUNNING for e in state.ledger.values()),
    )
    diary.begin()
    await diary.hold(2)
    diary.end("overlap")
    gate.unlink()

    # What it has seen going was not paused until then; and it sees the pause soon after.
    await settled(fleet)
    await fleet.rota("watchdog", "--now")
    await schedule.pause(note="ann: audit")
    diary.begin()
    await fleet.rota("watchdog", "--now")
    await diary.hold(1)
    diary.end("paused")
    await schedule.unpause()

    await settled(fleet)
    await fleet.rota("watchdog", "--now")
    assert (await fleet.rota("freeze", agent, "--reason", "close")).code == ExitCode.OK
    diary.begin()
    await diary.hold(2)
    # Of a slow machine the run of one slot may still be turned away as the next one comes.
    diary.end("frozen", "overlap")
    assert (await fleet.rota("thaw", agent)).code == ExitCode.OK

    await settled(fleet)
    await machine.kill()
    diary.begin()
    await diary.hold(4)
    # The first of them is caught up on; a run that was at work is in the way of all.
    diary.end("server_down", "overlap", "succeeded")
    await machine.start()
    return diary


async def test_missed_and_explain_agree_with_what_the_test_has_done(
    written: FleetOnServer, machine: Machine, late: timedelta
) -> None:
    """The server really stopped, a pause that only the Watchdog saw, a freeze, a slow run."""
    written.file.write_text(AGENT.format(name=written.agent))
    (written.folder / "tools.py").write_text(TOOLS)
    file = written.folder / "fleet.yaml"
    file.write_text(f"{file.read_text()}\nwatchdog: {{every: 1h, archive: false}}\n")
    begun = datetime.now(UTC)
    async with written.stack.worker(list(load_tools(written.folder).values())):
        assert (await written.rota("apply")).code == ExitCode.OK
        diary = await work(written, machine)
        await settled(written)
        assert (await written.rota("pause", written.agent)).code == ExitCode.OK
        newest = max(diary.truth)

        async def told_all() -> dict[datetime, str] | None:
            """What is missed, once the youngest of the diary's slots is judged, too."""
            if datetime.now(UTC) - newest < late:
                return None
            ended = await written.rota("missed", "--since", format_slot(begun), "--json")
            return {parse_slot(each["slot"]): each["state"] for each in ended.json["missed"]}

        told = await poll(told_all)
        for slot, truth in diary.truth.items():
            assert told.get(slot, "succeeded") in truth, (slot, truth, told.get(slot))
            why = await written.rota("explain", written.agent, format_slot(slot), "--json")
            assert why.json["verdict"]["state"] in truth
        others = {state for slot, state in told.items() if slot not in diary.truth}
    assert {"overlap", "paused", "frozen"} <= set(told.values())
    # As it was applied, and as it was back: slots of which the test cannot say which they were.
    assert others <= {"no_schedule", "overlap", "paused", "frozen", "server_down"}, told
