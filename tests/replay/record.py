"""Record the histories that the replay tests use: `make record`.

Plays every scenario on a real server and writes one file per execution. Record again only
when a workflow was changed on purpose and no run recorded by a released version is open;
otherwise put the change behind `workflow.patched` and *add* recordings, so that the old
ones keep guarding the runs that are out there.
"""

import asyncio
import json
import logging
import tempfile
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHistory

from tests.replay import (
    governed_scenarios,
    pipeline_scenarios,
    provider_scenarios,
    scenarios,
    shared_scenarios,
    telling_scenarios,
    watch_scenarios,
    what_if_scenarios,
)
from tests.replay.scenarios import Recording
from tests.stack import open_stack
from workers.devserver import dev_server

HISTORIES = Path(__file__).parent / "histories"
EARLY = ("limit.historyCount.suggestContinueAsNew=60",)
"""So that a few steps are enough to see a run and a keeper continue as new."""

SOURCES = (
    scenarios,
    pipeline_scenarios,
    shared_scenarios,
    provider_scenarios,
    telling_scenarios,
    governed_scenarios,
    what_if_scenarios,
    watch_scenarios,
)
SCENARIOS = [scenario for source in SOURCES for scenario in source.SCENARIOS]
TOOLS = [tool for source in SOURCES for tool in source.TOOLS]

FORGOTTEN = frozenset({"identity", "requestId", "stackTrace", "taskId", "workerVersion"})
"""Names the recording machine, or costs room, and means nothing to a replay."""


async def main() -> None:
    """Record everything, then replace what was there."""
    with tempfile.TemporaryDirectory() as folder:
        async with dev_server(extra_config=EARLY) as server:
            stack = await open_stack(server.address, Path(folder))
            async with stack.worker(TOOLS):
                recordings = [
                    recording for scenario in SCENARIOS for recording in await scenario(stack)
                ]
                texts = {r.name: await fetched(stack.client, r) for r in recordings}
    HISTORIES.mkdir(exist_ok=True)
    for old in HISTORIES.glob("*.json"):
        old.unlink()
    for name, text in texts.items():
        (HISTORIES / f"{name}.json").write_text(text)
        print(f"{name}: {text.count(chr(10)) - 2} events, {len(text)} bytes")


async def fetched(client: Client, recording: Recording) -> str:
    """One execution's history as JSON, an event per line so that changes can be read."""
    handle = client.get_workflow_handle(recording.workflow_id, run_id=recording.run_id)
    history: WorkflowHistory = await handle.fetch_history()
    events = json.loads(history.to_json())["events"]
    lines = (json.dumps(_trimmed(event), ensure_ascii=False) for event in events)
    return '{"events": [\n' + ",\n".join(lines) + "\n]}\n"


def _trimmed(value: Any) -> Any:
    if isinstance(value, list):
        return [_trimmed(item) for item in value]
    if isinstance(value, dict):
        return {key: _trimmed(item) for key, item in value.items() if key not in FORGOTTEN}
    return value


if __name__ == "__main__":
    # Failing and cancelled runs are what is recorded: their warnings would only alarm.
    logging.basicConfig(level=logging.CRITICAL)
    asyncio.run(main())
