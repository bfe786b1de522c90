"""`rota watchdog` on the real server: each alert is told once, and once when it is over."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from activities.tools.fleet import load_tools
from tests.fakes.hook_receiver import HookReceiver
from tests.workers.cli.command_line import Ended
from tests.workers.cli.conftest import FleetOnServer
from tests.workflows.gates import poll
from tests.workflows.notified import QUICK, hook
from workers.cli.exit_codes import ExitCode

AGENT = """\
name: {name}
runtime:
  kind: scripted
  turns:
    - calls: [{{tool: gate.pass}}]
    - result: done
tools: [gate.pass]
schedule: {{every: 1s}}
sla: {{finish_by: 1s}}
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


async def test_watchdog_tells_each_alert_once_and_once_that_it_is_over(watched: Watched) -> None:
    """A run that goes on too long, slots missed for it, a pause by hand, a wedged run."""
    fleet = watched.fleet
    client = fleet.stack.client
    assert (await fleet.rota("apply")).code == ExitCode.OK
    assert (await fleet.rota("drift")).code == ExitCode.OK
    found = await watched.until("missed", "overdue")
    told = {each["kind"]: each for each in found["open"]}
    assert "was at work at that time" in told["missed"]["reason"]
    assert told["missed"]["todo"].startswith(f"rota explain {fleet.agent}")
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
    four = ("missed", "overdue", "schedule_changed", "wedged")
    found = await watched.until(*four)
    paused = next(each for each in found["open"] if each["kind"] == "schedule_changed")
    assert "a person in the UI" in paused["reason"]
    assert (await watched.check()).code == ExitCode.FAILED
    (fleet.folder / "open").touch()
    await client.get_workflow_handle(f"{fleet.agent}-wedged").terminate()
    await schedule.unpause()
    await watched.until()
    last = await watched.check()
    assert (last.code, last.json["open"]) == (ExitCode.OK, [])
    wanted = {(kind, over): 1 for kind in four for over in (False, True)}

    async def all_told() -> bool | None:
        return sum(watched.told.values()) >= len(wanted) or None

    await poll(all_told)
    assert watched.told == wanted
    beat = watched.beats.taken[-1].body
    assert beat == {"fleet": found["fleet"], "open_alerts": 0}
    assert len(watched.beats.taken) > 4
