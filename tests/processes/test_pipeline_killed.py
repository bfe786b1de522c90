"""`kill -9` of the worker again and again while a pipeline runs: its counts stay right."""

import asyncio
import random

from rota.runs import RunStatus
from tests.pipelines import declare_pipeline, result_of, start_pipeline
from tests.processes.worker_process import kill, worker_process
from tests.stack import Stack, script

TOOLS = '''
import time

from rota.tools import ToolContext, tool


@tool(name="work.do", effect="idempotent", refresh=True)
def do(node: str, fails: int, context: ToolContext) -> dict[str, str]:
    """Leave a mark; give no value in the first runs."""
    with (context.fleet / f"marks-{node}").open("a") as marks:
        marks.write(f"{context.run_id} {context.idempotency_key}\\n")
    time.sleep(0.2)
    if fails and not context.run_id.endswith(f"#{fails + 1}"):
        return {"error": "not yet"}
    return {"value": f"{node} done"}
'''
WORKER = {
    "runtime": script(
        {
            "calls": [
                {"tool": "work.do", "args": {"node": "{input.node}", "fails": "{input.fails}"}}
            ]
        },
        # Without a value there is no answer, and the run fails.
        {"result": "{results.work_do.value}"},
    ),
    "tools": ["work.do"],
    "session": {"concurrency": "parallel"},
    "input": {"fails": 0},
}


def marks(stack: Stack, node: str) -> list[tuple[str, str]]:
    """Run id and idempotency key of every effect of a node, in order, repeats included."""
    lines = (stack.folder / f"marks-{node}").read_text().splitlines()
    return [(run_id, key) for run_id, key in (line.split() for line in lines)]


async def test_pipeline_whose_worker_is_killed_again_and_again_counts_right(stack: Stack) -> None:
    """The report fails twice and is run again for the mail; then ten items, then the end.

    Whenever the worker dies: three reports, one mail, each item once, by their keys.
    """
    (stack.folder / "tools.py").write_text(TOOLS)
    name, agent = stack.name("morning"), stack.name("worker")
    moments = random.Random(1)
    nodes = {
        "report": {"agent": agent, "input": {"node": "report", "fails": 2}},
        "mail": {
            "agent": agent,
            "after": ["report"],
            "on_failure": {"rerun_upstream": 2},
            "input": {"node": "mail"},
        },
        "fan": {
            "agent": agent,
            "after": ["mail"],
            "for_each": list(range(10)),
            "parallel": 4,
            "input": {"node": "fan-{item}"},
        },
        "end": {"agent": agent, "after": ["fan"], "input": {"node": "end"}},
    }
    async with worker_process(stack) as worker:
        await stack.declare(agent, **WORKER)
        await declare_pipeline(stack, name, nodes=nodes)
        handle = await start_pipeline(stack, name, f"{name}-1")
        await asyncio.sleep(moments.uniform(0.1, 1.0))
        kill(worker)
    for _ in range(3):
        async with worker_process(stack) as worker:
            await asyncio.sleep(moments.uniform(0.1, 1.5))
            kill(worker)
    async with worker_process(stack):
        result = await asyncio.wait_for(result_of(handle), 90)
    assert result.status is RunStatus.SUCCEEDED, result.reason
    assert result.nodes["report"].attempts == 3
    ids = [f"{name}-1/report", f"{name}-1/report#2", f"{name}-1/report#3"]
    assert sorted({run_id for run_id, _ in marks(stack, "report")}) == ids
    for node in ("mail", "end", *(f"fan-{n}" for n in range(10))):
        assert len({run_id for run_id, _ in marks(stack, node)}) == 1, node
        assert len({key for _, key in marks(stack, node)}) == 1, node
    assert result.nodes["fan"].output == [f"fan-{n} done" for n in range(10)]
