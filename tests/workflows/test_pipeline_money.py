"""What the nodes of a pipeline may spend together: lent, counted, waited for."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import TimeSkipper

from rota.failures import PAYLOAD_ERROR_TYPE, FailureCategory
from rota.notices.spec import Occasion
from rota.runs import RunStatus
from rota.usage import Usage
from tests.fakes.hook_receiver import HookReceiver
from tests.pipelines import declare_pipeline, result_of, start_pipeline
from tests.stack import Stack
from tests.workflows.gates import poll
from tests.workflows.money import ROOM, add, day_of, give, priced
from tests.workflows.notified import QUICK, Line, hook
from tests.workflows.standing import Run
from workflows.pipeline_kit import children
from workflows.run_kit.visibility import COST

HOUR = timedelta(hours=1)


def answering(micros: int) -> dict[str, Any]:
    """A declaration whose runs answer at once, for so much; more than 2000 was not foreseen."""
    kind = "output_tokens" if micros <= 2000 else "input_tokens"
    turn = {"usage": {kind: micros}, "result": "done"}
    return {"runtime": priced(turn, max_output_tokens=min(max(micros, ROOM), 2000))}


async def started(
    stack: Stack,
    costs: dict[str, int],
    after: dict[str, list[str]],
    input: dict[str, Any] | None = None,
    notify: Sequence[dict[str, Any]] = (),
    **budget: Any,
) -> tuple[dict[str, str], Run]:
    """A pipeline of nodes that cost so much, and a run of it; the agents' names by node."""
    name = stack.name("line")
    agents = {node: stack.name(node) for node in costs}
    for node, cost in costs.items():
        await stack.declare(agents[node], **answering(cost))
    nodes = {node: {"agent": agents[node], "after": after.get(node, [])} for node in costs}
    await declare_pipeline(stack, name, nodes=nodes, budget=budget, notify=notify)
    return agents, await start_pipeline(stack, name, f"{name}-1", **(input or {}))


async def parked_for(run: Run) -> str | None:
    """Why the run stands still, once it does."""
    shown = await run.query("status")
    return shown["reason"] if shown["status"] == RunStatus.PARKED else None


async def shown_cost(stack: Stack, run_id: str) -> int | None:
    """What the server's lists say that a run has cost."""
    shown = await stack.client.get_workflow_handle(run_id).describe()
    return shown.typed_search_attributes.get(COST)


async def test_pipeline_counts_what_all_its_nodes_used(stack: Stack) -> None:
    """With a limit or without, in its result; each agent's ledger, account and run has its own."""
    async with stack.worker([add]):
        agents, run = await started(stack, {"a": 1000, "b": 500}, {"b": ["a"]})
        result = await result_of(run)
        days = [(await day_of(stack, agent)).micros for agent in agents.values()]
        keepers = [await stack.keeper(agent) for agent in agents.values()]
        lists = [await shown_cost(stack, node.run_id) for node in result.nodes.values()]
        whole = await shown_cost(stack, run.id)
    assert (result.status, result.usage.cost_micros, whole) == (RunStatus.SUCCEEDED, 1500, 1500)
    ledgers = [e.usage.cost_micros for keeper in keepers for e in keeper.ledger.values()]
    assert days == ledgers == lists == [1000, 500]


async def test_pipeline_lends_equal_parts_to_nodes_that_start_together(stack: Stack) -> None:
    """What the first did not use is there for the next; two at once cannot spend it twice."""
    costs = {"a": 1000, "b": 500, "c": 500}
    async with stack.worker([add]):
        _, run = await started(stack, costs, {"b": ["a"], "c": ["a"]}, run_usd=0.005)
        result = await result_of(run)
        lent: dict[str, int | None] = {}
        for node, end in result.nodes.items():
            child = await stack.client.get_workflow_handle(end.run_id).result()
            lent[node] = child["lineage"]["allowance"]["micros"]
    assert result.status is RunStatus.SUCCEEDED
    assert lent == {"a": 5000, "b": 2000, "c": 2000}


async def test_pipeline_with_nothing_left_parks_before_the_node_and_goes_on(stack: Stack) -> None:
    """Nothing that is done is done again; the node runs with what was given."""
    async with stack.worker([add]):
        _, run = await started(stack, {"a": 3000, "b": 500}, {"b": ["a"]}, run_usd=0.003)
        text = await poll(lambda: parked_for(run))
        told = await give(run, micros=2000)
        result = await result_of(run)
    assert "$0.0030 spent of $0.0030 (budget.run_usd)" in text
    assert told == "the run was given $0.0020 on top of its own limits"
    assert (result.status, result.usage.cost_micros) == (RunStatus.SUCCEEDED, 3500)
    assert [end.attempts for end in result.nodes.values()] == [1, 1]


async def test_node_over_its_part_fails_and_says_whose_it_was(stack: Stack) -> None:
    """A node's run does not park on its pipeline's money."""
    async with stack.worker([add]):
        _, run = await started(stack, {"a": 1000, "b": 2000}, {"b": ["a"]}, run_usd=0.003)
        result = await result_of(run)
    assert (result.status, result.category) == (RunStatus.FAILED, FailureCategory.LIMIT_REACHED)
    assert f"the share that {run.id} gave" in result.nodes["b"].reason
    assert result.usage.cost_micros == 1000


@pytest.mark.parametrize("on_exceeded", ["fail", "skip"])
async def test_pipeline_that_has_begun_fails_if_it_is_not_to_park(
    stack: Stack, on_exceeded: str
) -> None:
    """What is done stays done; what is left did not begin."""
    budget: dict[str, Any] = {"run_usd": 0.003, "on_exceeded": on_exceeded}
    async with stack.worker([add]):
        _, run = await started(stack, {"a": 3000, "b": 500}, {"b": ["a"]}, **budget)
        result = await result_of(run)
    assert (result.status, result.category) == (RunStatus.FAILED, FailureCategory.LIMIT_REACHED)
    assert "(budget.run_usd)" in result.reason
    assert (result.nodes["a"].status, result.nodes["b"].attempts) == (RunStatus.SUCCEEDED, 0)


async def test_pipeline_that_is_given_too_little_fails_at_its_time_from_the_first(
    skipping_stack: Stack,
) -> None:
    """`budget.park_for` ends the wait of a pipeline, too; what does not do begins no new one."""
    stack = skipping_stack
    stack.starter = None
    async with stack.worker([add]):
        _, run = await started(
            stack, {"a": 3000, "b": 500}, {"b": ["a"]}, run_usd=0.003, park_for="2h"
        )
        await poll(lambda: parked_for(run))
        skipper = TimeSkipper(stack.client)
        assert await skipper.fast_forward(run, timedelta(minutes=90))
        await give(run, tokens=1)
        await skipper.fast_forward(run, timedelta(minutes=40))
        result = await result_of(run)
    assert result.status is RunStatus.FAILED
    assert result.reason.endswith("; parked for 2h (budget.park_for), nobody gave more")


async def test_pipeline_parked_until_what_started_it_can_wait_no_longer_times_out(
    skipping_stack: Stack,
) -> None:
    """That limit stands still for nobody, and the reason names it."""
    above = {"root": "above-1", "parent": "above-1", "deadline": datetime.now(UTC) + HOUR}
    async with skipping_stack.worker([add]):
        _, run = await started(
            skipping_stack,
            {"a": 3000, "b": 500},
            {"b": ["a"]},
            input={"lineage": above},
            run_usd=0.003,
            park_for="5h",
        )
        result = await result_of(run)
    assert result.status is RunStatus.TIMED_OUT
    assert "wall_clock" in result.nodes["b"].reason


async def test_pipeline_that_parks_is_told_once_however_often_too_little_is_given(
    stack: Stack,
) -> None:
    """One fact for one wait; the next is another."""
    stack.notifier_policy = QUICK
    with HookReceiver() as receiver:
        entry = hook(stack, receiver, Occasion.PARKED, Occasion.SUCCEEDED)
        async with stack.worker([add]):
            _, run = await started(
                stack, {"a": 3000, "b": 500}, {"b": ["a"]}, notify=[entry], run_usd=0.003
            )
            await poll(lambda: parked_for(run))
            await give(run, "1", tokens=1)
            await give(run, "2", micros=2000)
            await result_of(run)
            await Line(stack, entry).told(2)
    told = [fact["occasion"] for got in receiver.taken for fact in got.body["data"]["facts"]]
    assert told == ["parked", "succeeded"]


def test_run_that_could_not_read_its_input_has_used_nothing() -> None:
    """It never began: what it was lent comes back whole."""
    cause = ApplicationError("no such field", type=PAYLOAD_ERROR_TYPE)
    assert children._unread(cause, "line-1/a", None).usage == Usage()
