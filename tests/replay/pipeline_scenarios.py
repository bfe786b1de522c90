"""Pipelines to be recorded: what their graphs can do, and how they can end."""

from typing import Any

from rota.pipelines.run import PipelineResult
from rota.runs import RunStatus
from tests.pipelines import INSTANT, LISTING, Flaky, declare_pipeline, start_pipeline, worker_of
from tests.replay.scenarios import DONE, SLOW, Recording, Scenario, chain, ended
from tests.stack import Stack, script
from tests.workflows.gates import poll

LARGE = script({"result": "x" * 5000})
"""More than travels with a run's end."""
FLAKY = Flaky(report=1, mail=1, broken=9, source=1)
TOOLS = (FLAKY.tool,)


async def everything(stack: Stack) -> list[Recording]:
    """Items, a large result, a condition, a clock gate, an event: all that goes well."""
    await stack.declare("lister", **LISTING)
    await stack.declare("echo", **INSTANT)
    await stack.declare("large", runtime=LARGE)
    nodes = {
        "list": {"agent": "lister", "input": {"value": [1, 2, 3]}},
        "each": {
            "agent": "echo",
            "after": ["list"],
            "for_each": "{list.output}",
            "parallel": 2,
            "input": {"value": "{item}"},
        },
        "large": {"agent": "large"},
        "reader": {"agent": "echo", "after": ["large"], "input": {"value": "{large.output}"}},
        "never": {"agent": "echo", "after": ["each"], "when": "each.status == 'failed'"},
        "late": {"agent": "echo", "after": ["each"], "not_before": "3s"},
    }
    await declare_pipeline(stack, "everything", nodes=nodes, emits=["everything.done"])
    await (await start_pipeline(stack, "everything", "everything-1")).result()
    return await executions(stack, "pipeline-everything", "everything-1")


async def repeated(stack: Stack) -> list[Recording]:
    """A report that is run again for the mail's sake, and a mail with a second attempt."""
    for agent in ("report", "mail"):
        await stack.declare(agent, **worker_of(agent))
    mail = {"agent": "mail", "after": ["report"], "attempts": 2}
    nodes = {
        "report": {"agent": "report"},
        "mail": {**mail, "on_failure": {"rerun_upstream": 1, "backoff": "500ms"}},
    }
    await declare_pipeline(stack, "repeated", nodes=nodes)
    await (await start_pipeline(stack, "repeated", "repeated-1")).result()
    return await executions(stack, "pipeline-repeated", "repeated-1")


async def failed(stack: Stack) -> list[Recording]:
    """A node that fails for good, one that raises the alarm, one that is left out."""
    await stack.declare("broken", **worker_of("broken"))
    await stack.declare("alarm", runtime=DONE)
    nodes = {
        "broken": {"agent": "broken", "on_failure": {"run": "alarm"}},
        "alarm": {"agent": "alarm"},
        "after": {"agent": "alarm", "after": ["broken"]},
    }
    await declare_pipeline(stack, "failed", nodes=nodes)
    await ended(await start_pipeline(stack, "failed", "failed-1"))
    return [Recording("pipeline-failed", "failed-1")]


async def ended_early(stack: Stack) -> list[Recording]:
    """A node at its deadline, and a run that a person cancels."""
    await stack.declare("slow", runtime=SLOW, session={"concurrency": "parallel"})
    nodes: dict[str, Any] = {"slow": {"agent": "slow", "deadline": "1s"}}
    await declare_pipeline(stack, "overdue", nodes=nodes)
    await ended(await start_pipeline(stack, "overdue", "overdue-1"))
    await declare_pipeline(stack, "stopped", nodes={"slow": {"agent": "slow"}})
    handle = await start_pipeline(stack, "stopped", "stopped-1")

    async def at_work() -> bool | None:
        result = await handle.query("status", result_type=PipelineResult)
        return ("slow" in result.nodes and result.nodes["slow"].status is RunStatus.RUNNING) or None

    await poll(at_work)
    await handle.cancel()
    await ended(handle)
    return [
        Recording("pipeline-overdue", "overdue-1"),
        Recording("pipeline-cancelled", "stopped-1"),
    ]


async def continued(stack: Stack) -> list[Recording]:
    """A chain on both sides of continue-as-new."""
    await stack.declare("link", runtime=DONE)
    nodes: dict[str, Any] = {"n0": {"agent": "link"}}
    for n in range(1, 8):
        nodes[f"n{n}"] = {"agent": "link", "after": [f"n{n - 1}"]}
    await declare_pipeline(stack, "chain", nodes=nodes)
    await (await start_pipeline(stack, "chain", "chain-1")).result()
    return await executions(stack, "pipeline-continued", "chain-1")


async def of_the_other_kind(stack: Stack) -> list[Recording]:
    """A pipeline started as an agent, and an agent as a pipeline."""
    await stack.declare("an-agent", runtime=DONE)
    await declare_pipeline(stack, "a-pipeline", nodes={"a": {"agent": "an-agent"}})
    await ended(await stack.start("a-pipeline", "a-pipeline-1"))
    await ended(await start_pipeline(stack, "an-agent", "an-agent-1"))
    return [
        Recording("run-of-a-pipeline", "a-pipeline-1"),
        Recording("pipeline-of-an-agent", "an-agent-1"),
    ]


async def executions(stack: Stack, name: str, workflow_id: str) -> list[Recording]:
    """Every execution under a workflow id: `name-1`, `name-2` and so on."""
    run_ids = await chain(stack.client, workflow_id)
    return [
        Recording(f"{name}-{number}", workflow_id, run_id)
        for number, run_id in enumerate(run_ids, start=1)
    ]


SCENARIOS: tuple[Scenario, ...] = (
    everything,
    repeated,
    failed,
    ended_early,
    continued,
    of_the_other_kind,
)
