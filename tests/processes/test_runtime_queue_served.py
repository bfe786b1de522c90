"""`rota worker` serves the queues that the runtimes of its fleet name."""

import json

from rota.runs import RunStatus
from tests.processes.worker_process import worker_process
from tests.stack import Stack, script


async def test_worker_process_takes_turns_from_the_queues_of_its_fleet(stack: Stack) -> None:
    """A file that names a queue is enough: its runs' turns are taken there."""
    name, queue = stack.name("agent"), stack.name("calls")
    runtime = {**script({"result": "done"}), "queue": queue, "requests_per_second": 50}
    agents = stack.folder / "agents"
    agents.mkdir()
    # JSON is YAML.
    (agents / "agent.yaml").write_text(json.dumps({"name": name, "runtime": runtime}))
    async with worker_process(stack):
        await stack.declare(name, runtime=runtime)
        handle = await stack.start(name, f"{name}-1")
        result = await handle.result()
        queues = [
            event.activity_task_scheduled_event_attributes.task_queue.name
            async for event in handle.fetch_history_events()
            if event.HasField("activity_task_scheduled_event_attributes")
        ]
    assert (result.status, queues) == (RunStatus.SUCCEEDED, [queue])
    assert f"serving {stack.task_queue}, {queue}" in (stack.folder / "worker.log").read_text()
