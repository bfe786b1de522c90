"""`rota watchdog` on the real server: each alert is told once, and once when it is over."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from activities import pollers
from activities.toolbox import Toolbox
from activities.tools.fleet import load_tools
from activities.watchdog.listing import keepers
from activities.watchdog.progress import is_at_work, with_progress
from rota.ids import keeper_queue
from rota.watchdog.open_run import OpenRun
from schedules.fleet import load_fleet, load_fleet_file
from schedules.watchdogs import live_watchdog
from tests.fakes.hook_receiver import HookReceiver
from tests.workers.cli.command_line import Ended
from tests.workers.cli.conftest import FleetOnServer
from tests.workflows.gates import poll
from tests.workflows.notified import QUICK, hook
from workers.cli.exit_codes import ExitCode
from workers.watchdog_checks import check_watchdog
from workers.watching import watchdog_queue, watching

AGENT = """\
name: {name}
runtime:
  kind: scripted
  turns:
    - calls: [{{tool: gate.pass}}]
    - result: done
tools: [gate.pass]
schedule: {{every: 1s}}
sla: {{finish_by: 1s, stuck_after: 1s}}
"""
TOOLS = """
import pathlib, time
from rota.tools import tool

GATE = pathlib.Path(__file__).parent / "open"

@tool(name="gate.pass")
def pass_gate() -> str:
    \"\"\"Wait until the gate is open.\"\"\"
    while not GATE.exists():
        time.sleep(0.01)
    return "passed"
"""


def now() -> datetime:
    """By the clock."""
    return datetime.now(UTC)


class Watched:
    """A fleet whose Watchdog checks when the test says so."""

    def __init__(self, fleet: FleetOnServer, alerts: HookReceiver, beats: HookReceiver) -> None:
        self.fleet = fleet
        self.alerts = alerts
        self.beats = beats

    @property
    def told(self) -> "Counter[tuple[str, bool]]":
        """What the channel was told: occasion, and whether it is over."""
        return Counter(
            (fact["occasion"], bool(fact.get("resolved")))
            for each in self.alerts.taken
            for fact in each.body["data"]["facts"]
        )

    async def check(self) -> Ended:
        """Have it check."""
        return await self.fleet.rota("watchdog", "--now", "--json")

    async def until(self, *wanted: str) -> dict[str, Any]:
        """Have it check until these are amiss, and nothing else."""

        async def open_alerts() -> dict[str, Any] | None:
            found = (await self.check()).json
            return found if {each["kind"] for each in found["open"]} == {*wanted} else None

        return await poll(open_alerts)


@pytest.fixture
async def watched(written: FleetOnServer) -> AsyncIterator[Watched]:
    """A fleet that is applied, and served; its one agent waits before a gate."""
    stack, folder = written.stack, written.folder
    stack.notifier_policy = QUICK
    with HookReceiver() as alerts, HookReceiver() as beats:
        written.file.write_text(AGENT.format(name=written.agent))
        (folder / "tools.py").write_text(TOOLS)
        entry = hook(stack, alerts)["webhook"]
        file = folder / "fleet.yaml"
        file.write_text(
            f"{file.read_text()}\nwatchdog: {{every: 1h, archive: false, "
            f"beat: {{url: '{beats.url}', method: post}}, notify: [{{webhook: "
            f"{{url: '{entry['url']}', secret: '{entry['secret']}'}}}}]}}\n"
        )
        async with stack.worker(list(load_tools(folder).values())):
            yield Watched(written, alerts, beats)
            (folder / "open").touch()


async def is_worked_on(fleet: FleetOnServer, id: str) -> bool:
    """Whether the server tells who works for a run, and how long its step may take."""
    client, queue = fleet.stack.client, fleet.stack.task_queue
    described = await client.get_workflow_handle(id).describe()
    run = OpenRun(id=id, key=described.run_id, agent=fleet.agent, began=described.start_time)
    looked = await with_progress(client, run)
    assert looked.step_until is not None
    assert looked.step_until > now()
    return await is_at_work(client, run, queue)


async def test_watchdog_tells_each_alert_once_and_once_that_it_is_over(watched: Watched) -> None:
    """A run that goes on too long, slots missed for it, a pause by hand, a wedged run."""
    fleet = watched.fleet
    client = fleet.stack.client
    assert (await fleet.rota("apply")).code == ExitCode.OK
    assert (await fleet.rota("drift")).code == ExitCode.OK
    found = await watched.until("missed", "overdue", "stuck")
    told = {each["kind"]: each for each in found["open"]}
    assert "was at work at that time" in told["missed"]["reason"]
    assert told["missed"]["todo"].startswith(f"rota explain {fleet.agent}")
    assert "run_tool at attempt 1" in told["stuck"]["reason"]
    assert await is_worked_on(fleet, told["stuck"]["run"])
    schedule = client.get_schedule_handle(fleet.agent)
    await schedule.pause(note="a person in the UI")
    await client.start_workflow(
        "NobodyServesThis",
        id=f"{fleet.agent}-wedged",
        task_queue=fleet.stack.task_queue,
        search_attributes=TypedSearchAttributes(
            [
                SearchAttributePair(SearchAttributeKey.for_keyword("RotaAgent"), fleet.agent),
                SearchAttributePair(
                    SearchAttributeKey.for_keyword_list("TemporalReportedProblems"),
                    ["category=WorkflowTaskFailed"],
                ),
            ]
        ),
    )
    amiss = ("missed", "overdue", "stuck", "schedule_changed", "wedged")
    found = await watched.until(*amiss)
    paused = next(each for each in found["open"] if each["kind"] == "schedule_changed")
    assert "a person in the UI" in paused["reason"]
    assert (await watched.check()).code == ExitCode.FAILED
    (fleet.folder / "open").touch()
    await client.get_workflow_handle(f"{fleet.agent}-wedged").terminate()
    await schedule.unpause()
    await watched.until()
    last = await watched.check()
    assert (last.code, last.json["open"]) == (ExitCode.OK, [])
    wanted = {(kind, over): 1 for kind in amiss for over in (False, True)}

    async def all_told() -> bool | None:
        return sum(watched.told.values()) >= len(wanted) or None

    await poll(all_told)
    assert watched.told == wanted
    beat = watched.beats.taken[-1].body
    assert beat == {"fleet": found["fleet"], "open_alerts": 0}
    assert len(watched.beats.taken) > 4


async def test_watchdog_of_a_well_fleet_archives_and_the_doctor_says_that_it_watches(
    served: FleetOnServer,
) -> None:
    """Before the first check it does not; when none has ended for long, it does no more."""
    fleet = load_fleet(served.folder)
    client = served.stack.client
    assert await check_watchdog(client, fleet, now()) == []
    assert (await served.rota("watchdog")).code == ExitCode.NOT_FOUND
    file = served.folder / "fleet.yaml"
    file.write_text(f"{file.read_text()}\nwatchdog: {{every: 1h}}\n")
    assert (await served.rota("apply")).code == ExitCode.OK
    before = await served.rota("watchdog")
    assert (before.code, "no check has ended" in before.err) == (ExitCode.FAILED, True)
    assert (await served.rota("run", served.agent)).code == ExitCode.OK
    after = await served.rota("watchdog", "--now", "--json")
    assert (after.code, after.json["open"], after.json["agents"]) == (ExitCode.OK, [], 1)
    assert after.json["archive"]["archived"] == 1
    (listed,) = await keepers(client, fleet.name, [served.agent])
    assert listed.since is not None, "else its keeper is asked by each check"
    assert listed.since < now()
    fleet = load_fleet(served.folder)
    for later, ok in ((timedelta(0), True), (timedelta(hours=4), False)):
        (check,) = await check_watchdog(client, fleet, now() + later)
        assert check.ok == ok, check
    file.write_text(file.read_text().replace("watchdog: {every: 1h}", ""))
    assert (await served.rota("apply")).code == ExitCode.OK
    assert await live_watchdog(client, fleet.name) is None


async def test_watchdog_with_a_queue_of_its_own_tells_that_the_workers_are_gone(
    written: FleetOnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Served apart, it goes on when nobody serves runs and keepers, and says so."""
    without = await written.rota("worker", "--watchdog")
    assert (without.code, "no queue of its own" in without.err) == (ExitCode.WRONG, True)
    stack = written.stack
    file = written.folder / "fleet.yaml"
    queue = stack.name("dogs")
    file.write_text(
        f"{file.read_text()}\nwatchdog: {{every: 1h, archive: false, queue: {queue}}}\n"
    )
    async with stack.worker(list(load_tools(written.folder).values())):
        assert (await written.rota("apply")).code == ExitCode.OK
    waiting = await stack.client.start_workflow(
        "AgentRun",
        {"agent": written.agent},
        id=f"{written.agent}-waiting",
        task_queue=stack.task_queue,
        search_attributes=TypedSearchAttributes(
            [SearchAttributePair(SearchAttributeKey.for_keyword("RotaAgent"), written.agent)]
        ),
    )
    toolbox = Toolbox.open(written.folder, load_fleet_file(written.folder))
    assert watchdog_queue(toolbox, stack.task_queue) == queue
    apart = watching(stack.client, queue, store=stack.store, toolbox=toolbox, grace=timedelta(0))
    # Else who has just gone is listed for a minute.
    monkeypatch.setattr(pollers, "POLL", timedelta(0))
    async with apart:
        found = (await written.rota("watchdog", "--now", "--json")).json
    assert (found["agents"], found["unheard"]) == (0, [written.agent])
    assert {each["kind"] for each in found["open"]} == {"unserved"}
    gone = "no worker serves task queue"
    assert {each["reason"] for each in found["open"]} == {
        f"{gone} {stack.task_queue}: 1 run at work on it stands still",
        f"{gone} {keeper_queue(stack.task_queue)}: nothing can begin there",
    }
    await waiting.terminate()
