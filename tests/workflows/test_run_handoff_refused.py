"""Calls of other agents that are refused: the model reads why, and nothing is started."""

import pytest

from rota.coordination.lineage import DEEPEST, Lineage
from rota.failures import FailureCategory
from rota.runs import RunStatus
from tests.pipelines import declare_pipeline
from tests.stack import Stack, script
from tests.workflows.handing import ANY_OBJECT, asks, declare_caller, told_by


async def test_handoff_with_arguments_that_do_not_fit_is_refused(stack: Stack) -> None:
    """Every problem is named, nothing is started, and the model may try again."""
    caller, called = stack.name("caller"), stack.name("called")
    schema = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x", "y"]}
    async with stack.worker():
        await stack.declare(called, runtime=script({"result": "done"}))
        await declare_caller(
            stack,
            caller,
            called,
            call=asks(called, x="three"),
            handoffs={called: {"parameters": schema}},
        )
        result = await stack.run(caller, f"{caller}-1")
        state = await stack.keeper(called)
    assert result.output == (
        f"agents.{called}: x: 'three' is not of type 'integer'; "
        "the arguments: 'y' is a required property"
    )
    assert state.ledger == {}


async def test_handoff_to_an_agent_not_among_the_tools_is_refused(stack: Stack) -> None:
    """Only what the declaration lists can be called; a transfer is listed apart."""
    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker():
        await stack.declare(called, runtime=script({"result": "done"}))
        calls = [asks(called), asks(called, transfer=True)]
        said = {"called": told_by(called), "transferred": f"{{results.agents_{called}_transfer}}"}
        await stack.declare(
            caller, runtime=script({"calls": calls}, {"result": said}), output=ANY_OBJECT
        )
        result = await stack.run(caller, f"{caller}-1")
        state = await stack.keeper(called)
    assert result.output == {
        "called": f"there is no tool 'agents.{called}'; you have: none",
        "transferred": f"there is no tool 'agents.{called}.transfer'; you have: none",
    }
    assert state.ledger == {}


async def test_handoff_to_a_pipeline_is_refused(stack: Stack) -> None:
    """Its name is like an agent's, but no run is started that could only fail."""
    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker():
        await declare_pipeline(stack, called, nodes={"a": {"agent": caller}})
        await declare_caller(stack, caller, called)
        result = await stack.run(caller, f"{caller}-1")
        state = await stack.keeper(called)
    told = f"agents.{called}: '{called}' is a pipeline and cannot be called; go on without it"
    assert result.output == told
    assert state.ledger == {}


async def test_handoff_to_an_agent_nobody_declared_is_refused(stack: Stack) -> None:
    """A name without an agent costs no run."""
    caller, called = stack.name("caller"), stack.name("ghost")
    async with stack.worker():
        await declare_caller(stack, caller, called)
        result = await stack.run(caller, f"{caller}-1")
    assert result.output == (
        f"agents.{called}: no agent '{called}' is declared here; go on without it"
    )


async def test_handoff_that_would_be_a_cycle_is_refused_with_the_path(stack: Stack) -> None:
    """The one that is called back waits for this very call: neither could ever end."""
    first, second = stack.name("first"), stack.name("second")
    async with stack.worker():
        await declare_caller(stack, first, second)
        await declare_caller(stack, second, first)
        result = await stack.run(first, f"{first}-1")
        state = await stack.keeper(first)
    assert result.status is RunStatus.SUCCEEDED
    assert f"would be a cycle ({first} -> {second} -> {first})" in result.output
    assert len(state.ledger) == 1


@pytest.mark.parametrize("depth", [DEEPEST - 1, DEEPEST])
async def test_handoff_below_the_deepest_is_refused(stack: Stack, depth: int) -> None:
    """The limit is reached, not approached."""
    caller, called = stack.name("caller"), stack.name("called")
    above = tuple(f"above-{number}" for number in range(depth))
    place = Lineage(root="root", parent="parent", depth=depth, agents=above)
    async with stack.worker():
        await stack.declare(called, runtime=script({"result": "done"}))
        await declare_caller(stack, caller, called)
        result = await stack.run(caller, f"{caller}-1", lineage=place.model_dump(mode="json"))
        state = await stack.keeper(called)
    refused = depth == DEEPEST
    assert (f"no handoff goes deeper than {DEEPEST}" in result.output) is refused
    assert (len(state.ledger) == 0) is refused


async def test_run_whose_input_is_not_accepted_fails_with_every_problem(stack: Stack) -> None:
    """No worker could do it: it fails, at no cost, and names each problem in one line."""
    called, caller = stack.name("called"), stack.name("caller")
    schema = {
        "type": "object",
        "properties": {"account": {"type": "string"}, "limit": {"type": "integer"}},
        "required": ["account"],
    }
    async with stack.worker():
        await stack.declare(
            called, runtime=script({"result": "ok"}), accepts={"schema": schema}, input={"limit": 9}
        )
        await declare_caller(stack, caller, called, call=asks(called, limit="many"))
        fits = await stack.run(called, f"{called}-1", input={"account": "4711"})
        told = await stack.run(caller, f"{caller}-1")
        state = await stack.keeper(called)
    assert fits.status is RunStatus.SUCCEEDED
    assert told.output == (
        f"agents.{called} failed (invalid_request): the input does not fit what {called} accepts: "
        "limit: 'many' is not of type 'integer'; the input: 'account' is a required property"
    )
    failed = list(state.ledger.values())[-1]
    assert (failed.status, failed.category) == (
        RunStatus.FAILED,
        FailureCategory.INVALID_REQUEST,
    )
