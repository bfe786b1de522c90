"""What the steps of a run send to say that they live: each of it is billed."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.runtime import MetricBuffer, Runtime, TelemetryConfig

from activities import heartbeat
from tests.stack import Stack, script
from workers import worker
from workers.plugin import RotaPlugin
from workflows.activity_options import HEARTBEAT_TIMEOUT


@pytest.fixture
def hundredths(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps and workers take a hundredth of a second for one."""
    monkeypatch.setattr(heartbeat, "INTERVAL_SECONDS", 0.01)
    monkeypatch.setattr(worker, "HEARTBEAT_INTERVAL", timedelta(milliseconds=10))


def requests(sent: MetricBuffer) -> Counter[Any]:
    """What a client has asked of the server since the last look, by name."""
    counts: Counter[Any] = Counter()
    for update in sent.retrieve_updates():
        if update.metric.name.endswith("request"):
            counts[update.attributes["operation"]] += int(update.value)
    return counts


@pytest.mark.usefixtures("hundredths")
async def test_steps_send_as_few_heartbeats_as_their_agent_asks_for(stack: Stack) -> None:
    """Each second by default; none within a turn that is shorter than the declared pace."""
    sent = MetricBuffer(100_000)
    runtime = Runtime(telemetry=TelemetryConfig(metrics=sent))
    client = await Client.connect(stack.address, plugins=[RotaPlugin(stack.store)], runtime=runtime)
    beats: list[int] = []
    timeouts: list[timedelta] = []
    async with stack.worker(client=client):
        for number, retry in enumerate(({}, {"lost_after": "10m"})):
            name = stack.name(f"thinker-{number}")
            await stack.declare(
                name,
                runtime=script({"result": "done", "seconds": 0.2}),
                retry=retry,
                # Less than the timeout that is asked for: the server takes that instead.
                budget={"wall_clock": "9m"},
            )
            requests(sent)
            run = await stack.start(name, f"{name}-1")
            assert (await run.result()).output == "done"
            counts = requests(sent)
            assert counts["RespondActivityTaskCompleted"] >= 1
            beats.append(counts["RecordActivityTaskHeartbeat"])
            (step,) = [
                event.activity_task_scheduled_event_attributes
                for event in (await run.fetch_history()).events
                if event.HasField("activity_task_scheduled_event_attributes")
            ]
            timeouts.append(step.heartbeat_timeout.ToTimedelta())
    usual, few = beats
    assert usual > 3
    assert few == 0
    assert timeouts[0] == HEARTBEAT_TIMEOUT
    assert timedelta(minutes=8) < timeouts[1] <= timedelta(minutes=9)
