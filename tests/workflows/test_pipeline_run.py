"""Pipelines on the real server: who runs when, how often, and what is told of it."""

from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from rota.failures import FailureCategory
from rota.pipelines.run import PipelineResult
from rota.runs import AgentRunResult, RunStatus, Trigger
from rota.visibility import PIPELINE_MEMO, RESULT_MEMO
from tests.pipelines import (
    INSTANT,
    Flaky,
    declare_pipeline,
    result_of,
    run_pipeline,
    start_pipeline,
    worker_of,
)
from tests.stack import Stack, script
from tests.workflows.gates import GATED, Gate


async def memo_of(stack: Stack, run_id: str) -> AgentRunResult:
    """What a node's run left of its end."""
    memo = await (await stack.client.get_workflow_handle(run_id).describe()).memo()
    return AgentRunResult.model_validate(memo[RESULT_MEMO])


async def report_and_mail(stack: Stack, flaky: Flaky, mail: dict[str, Any]) -> str:
    """Declare a report and a mail that waits for it; return the pipeline's name."""
    name = stack.name("morning")
    for agent in ("report", "mail"):
        await stack.declare(stack.name(agent), **worker_of(agent))
    nodes = {
        "report": {"agent": stack.name("report")},
        "mail": {"agent": stack.name("mail"), "after": ["report"], **mail},
    }
    await declare_pipeline(stack, name, nodes=nodes)
    return name


async def test_pipeline_reruns_the_failed_upstream_and_then_goes_on(stack: Stack) -> None:
    """The report fails twice, then succeeds: it ran three times, the mail once."""
    flaky = Flaky(report=2)
    async with stack.worker([flaky.tool]):
        mail = {"on_failure": {"rerun_upstream": 2}, "input": {"report": "{report.output}"}}
        name = await report_and_mail(stack, flaky, mail)
        result = await run_pipeline(stack, name, f"{name}-1")
        last = await memo_of(stack, f"{name}-1/report#3")
    assert result.status is RunStatus.SUCCEEDED
    assert flaky.calls == {"report": 3, "mail": 1}
    assert result.nodes["report"].attempts == 3
    assert result.nodes["report"].run_id == f"{name}-1/report#3"
    assert last.trigger is Trigger.UPSTREAM


async def test_pipeline_repeats_the_failed_node_alone_with_the_stored_result(stack: Stack) -> None:
    """The mail fails twice, then succeeds: the report ran once, the mail three times."""
    flaky = Flaky(mail=2)
    async with stack.worker([flaky.tool]):
        mail = {"attempts": 3, "input": {"report": "{report.output}"}}
        name = await report_and_mail(stack, flaky, mail)
        result = await run_pipeline(stack, name, f"{name}-1")
    assert result.status is RunStatus.SUCCEEDED
    assert flaky.calls == {"report": 1, "mail": 3}
    assert result.nodes["mail"].output == "mail done"


async def test_pipeline_makes_one_rerun_for_two_that_ask(stack: Stack) -> None:
    """Both wait for the one re-run, and both go on."""
    flaky = Flaky(report=1)
    async with stack.worker([flaky.tool]):
        name = stack.name("both")
        for agent in ("report", "mail", "chat"):
            await stack.declare(stack.name(agent), **worker_of(agent))
        asking = {"after": ["report"], "on_failure": {"rerun_upstream": 1}}
        nodes = {
            "report": {"agent": stack.name("report")},
            "mail": {"agent": stack.name("mail"), **asking},
            "chat": {"agent": stack.name("chat"), **asking},
        }
        await declare_pipeline(stack, name, nodes=nodes)
        result = await run_pipeline(stack, name, f"{name}-1")
    assert result.status is RunStatus.SUCCEEDED
    assert flaky.calls == {"report": 2, "mail": 1, "chat": 1}


async def test_pipeline_diamond_hands_outputs_on_and_says_what_it_is_part_of(stack: Stack) -> None:
    """The join sees both sides; every run names its pipeline, node and root."""
    async with stack.worker():
        name, agent = stack.name("diamond"), stack.name("echo")
        await stack.declare(agent, **INSTANT)
        nodes = {
            "top": {"agent": agent, "input": {"value": "{input.start}"}},
            "left": {"agent": agent, "after": ["top"], "input": {"value": "{top.output}l"}},
            "right": {"agent": agent, "after": ["top"], "input": {"value": "{top.output}r"}},
            "join": {
                "agent": agent,
                "after": ["left", "right"],
                "input": {"value": "{left.output}-{right.output}"},
            },
        }
        await declare_pipeline(stack, name, nodes=nodes, input={"start": "a"}, team="finance")
        run_id = f"{name}-1"
        result = await run_pipeline(
            stack, name, run_id, slot="2026-11-23T05:00:00Z", input={"start": "b"}
        )
        join = await memo_of(stack, f"{run_id}/join")
        described = await stack.client.get_workflow_handle(run_id).describe()
        memo = PipelineResult.model_validate((await described.memo())[PIPELINE_MEMO])
        entry = next(iter((await stack.keeper(name)).ledger.values()))
    assert result.nodes["join"].output == "bl-br"
    assert set(result.nodes) == set(nodes)
    assert join.lineage is not None
    assert (join.lineage.root, join.lineage.parent, join.lineage.depth) == (run_id, run_id, 1)
    assert (join.lineage.pipeline, join.lineage.node) == (name, "join")
    assert join.lineage.occasion == f"{name}@2026-11-23T05:00:00Z/join"
    assert join.slot == result.slot
    found = {pair.key.name: pair.value for pair in described.typed_search_attributes}
    assert (found["RotaPipeline"], found["RotaRoot"], found["RotaTeam"], found["RotaStatus"]) == (
        name,
        run_id,
        "finance",
        "succeeded",
    )
    assert memo.nodes["join"].status is RunStatus.SUCCEEDED
    assert memo.nodes["join"].output is None
    assert entry.status is RunStatus.SUCCEEDED


async def test_pipeline_that_fails_tells_every_node_and_its_reason(stack: Stack) -> None:
    """Siblings finish, what hangs on the failure is skipped, the alarm runs, it has failed."""
    flaky = Flaky(report=9)
    async with stack.worker([flaky.tool]):
        name = stack.name("alarmed")
        for agent in ("report", "mail", "other", "alarm"):
            await stack.declare(stack.name(agent), **worker_of(agent))
        nodes = {
            "report": {"agent": stack.name("report"), "on_failure": {"run": "alarm"}},
            "mail": {"agent": stack.name("mail"), "after": ["report"]},
            "other": {"agent": stack.name("other")},
            "never": {"agent": stack.name("other"), "when": "input.never"},
            "alarm": {"agent": stack.name("alarm"), "input": {"why": "{report.reason}"}},
        }
        await declare_pipeline(stack, name, nodes=nodes)
        handle = await start_pipeline(stack, name, f"{name}-1")
        result = await result_of(handle)
        entry = next(iter((await stack.keeper(name)).ledger.values()))
    ends = {node: end.status.value for node, end in result.nodes.items()}
    assert ends == {
        "report": "failed",
        "mail": "skipped",
        "other": "succeeded",
        "never": "skipped",
        "alarm": "succeeded",
    }
    assert result.nodes["mail"].reason.startswith("report failed: script, turn 2")
    assert result.nodes["never"].reason == "when: input.never is false"
    assert result.status is RunStatus.FAILED
    assert result.reason.startswith("report failed: script")
    assert result.category is FailureCategory.INVALID_REQUEST
    assert entry.status is RunStatus.FAILED
    assert (await handle.describe()).status is WorkflowExecutionStatus.FAILED


async def test_pipeline_keeps_what_an_earlier_run_has_done(stack: Stack) -> None:
    """Kept nodes are not run; those after them see their results."""
    flaky = Flaky(mail=1)
    async with stack.worker([flaky.tool]):
        name = await report_and_mail(stack, flaky, {})
        first = await run_pipeline(stack, name, f"{name}-1")
        kept = {"report": first.nodes["report"].model_dump(mode="json")}
        second = await run_pipeline(stack, name, f"{name}-2", kept=kept, trigger="rerun")
    assert (first.status, second.status) == (RunStatus.FAILED, RunStatus.SUCCEEDED)
    assert flaky.calls == {"report": 1, "mail": 2}
    assert second.nodes["report"].kept
    assert second.nodes["report"].run_id == f"{name}-1/report"


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        (
            {"a": {"after": ["b"]}, "b": {"after": ["a"]}},
            "nodes wait for one another in a circle: a -> b -> a",
        ),
        ({"a": {"after": ["gone"]}}, "node 'a': after names no node 'gone'"),
    ],
)
async def test_pipeline_that_makes_no_graph_fails_with_the_reason(
    stack: Stack, nodes: dict[str, Any], reason: str
) -> None:
    """What the linter would have said, said by the run."""
    async with stack.worker():
        name = stack.name("circle")
        agents = {node: {"agent": "x", **spec} for node, spec in nodes.items()}
        await declare_pipeline(stack, name, nodes=agents)
        result = await run_pipeline(stack, name, f"{name}-1")
    assert (result.status, result.reason) == (RunStatus.FAILED, reason)


async def test_rerun_that_never_came_to_its_graph_still_tells_what_it_kept(stack: Stack) -> None:
    """A further re-run goes on from its result, and must not begin at the beginning."""
    kept = {"report": {"status": "succeeded", "run_id": "r", "output": 7}}
    async with stack.worker():
        result = await run_pipeline(stack, stack.name("gone"), stack.name("gone-1"), kept=kept)
    assert result.status is RunStatus.FAILED
    report = result.nodes["report"]
    assert (report.status, report.output, report.kept) == (RunStatus.SUCCEEDED, 7, True)


async def test_pipeline_of_an_agents_name_is_refused(stack: Stack) -> None:
    """The keeper knows it, but there is nothing to lay out."""
    async with stack.worker():
        name = stack.name("echo")
        await stack.declare(name, **INSTANT)
        result = await run_pipeline(stack, name, f"{name}-1")
        entry = next(iter((await stack.keeper(name)).ledger.values()))
    assert (result.status, result.category) == (RunStatus.FAILED, FailureCategory.INVALID_REQUEST)
    start = f'{{"agent": "{name}"}}'
    assert result.reason == f"'{name}' is an agent, no pipeline: start AgentRun with {start}"
    assert entry.status is RunStatus.FAILED


async def test_run_of_a_pipelines_name_is_refused_at_once(stack: Stack) -> None:
    """It says what to start instead, and does not wait for a place that it could not use."""
    gate = Gate()
    async with stack.worker([gate.tool]):
        name, agent = stack.name("busy"), stack.name("gated")
        await stack.declare(agent, **GATED)
        await declare_pipeline(stack, name, nodes={"a": {"agent": agent}}, limits={"parallel": 1})
        working = await start_pipeline(stack, name, f"{name}-1")
        await gate.reached.wait()
        refused = await stack.start(name, f"{name}-2")
        with pytest.raises(WorkflowFailureError) as caught:
            await refused.result()
        gate.opened.set()
        await working.result()
        ledger = (await stack.keeper(name)).ledger.values()
    assert isinstance(caught.value.cause, ApplicationError)
    result = AgentRunResult.model_validate(caught.value.cause.details[0])
    assert (result.status, result.category) == (RunStatus.FAILED, FailureCategory.INVALID_REQUEST)
    start = f'{{"pipeline": "{name}"}}'
    assert result.reason == f"'{name}' is a pipeline, no agent: start PipelineRun with {start}"
    statuses = {entry.run.id: entry.status for entry in ledger if entry.run}
    assert statuses == {f"{name}-1": RunStatus.SUCCEEDED, f"{name}-2": RunStatus.FAILED}


async def test_pipeline_waits_for_its_turn_and_is_skipped_for_its_slot(stack: Stack) -> None:
    """`limits.parallel` and the slots' rules are the keeper's, for pipelines as for agents."""
    async with stack.worker():
        name, agent = stack.name("one"), stack.name("slow")
        await stack.declare(agent, runtime=script({"result": 1, "seconds": 0.5}))
        await declare_pipeline(stack, name, nodes={"a": {"agent": agent}}, limits={"parallel": 1})
        slot = "2026-11-23T05:00:00Z"
        handles = [await start_pipeline(stack, name, f"{name}-{n}") for n in range(2)]
        results = [await result_of(handle) for handle in handles]
        await run_pipeline(stack, name, f"{name}-x", slot=slot)
        again = await run_pipeline(stack, name, f"{name}-y", slot=slot, trigger="schedule")
        entries = list((await stack.keeper(name)).ledger.values())
    assert [result.status for result in results] == [RunStatus.SUCCEEDED] * 2
    first, second = entries[:2]
    assert first.settled_at is not None
    assert second.settled_at is not None
    assert (second.settled_at - first.settled_at).total_seconds() > 0.4
    assert (again.status, again.reason) == (
        RunStatus.SKIPPED,
        f"slot already succeeded as {name}-x",
    )
