"""What goes from node to node, and out of a pipeline, on the real server."""

import json
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.exceptions import ApplicationError

from activities.stores.base import StoreError
from activities.stores.open import open_store
from rota.ids import topic_id
from rota.runs import RunStatus
from tests.pipelines import (
    INSTANT,
    LISTING,
    declare_pipeline,
    result_of,
    run_pipeline,
    start_pipeline,
)
from tests.stack import Stack
from tests.workflows.failing_store import FailingStore


@pytest.mark.parametrize(
    ("items", "cap"), [(40, 16), pytest.param(100, 40, marks=pytest.mark.soak)]
)
async def test_pipeline_fans_out_and_keeps_to_its_cap(stack: Stack, items: int, cap: int) -> None:
    """Every item once, in order in the result, never more at once than allowed."""
    async with stack.worker():
        name, agent = stack.name("wide"), stack.name("echo")
        await stack.declare(agent, **INSTANT)
        await stack.declare(stack.name("list"), **LISTING)
        nodes = {
            "list": {
                "agent": stack.name("list"),
                "input": {"value": [f"branch-{n}" for n in range(items)]},
            },
            "review": {
                "agent": agent,
                "after": ["list"],
                "for_each": "{list.output}",
                "parallel": cap,
                "input": {"value": "{item}"},
            },
            "sum": {
                "agent": agent,
                "after": ["review"],
                "input": {"value": f"{{review.output.{items - 1}}}"},
            },
        }
        await declare_pipeline(stack, name, nodes=nodes)
        handle = await start_pipeline(stack, name, f"{name}-1")
        result = await result_of(handle)
        most = await most_at_once(handle)
    assert result.status is RunStatus.SUCCEEDED
    assert result.nodes["review"].output == [f"branch-{n}" for n in range(items)]
    assert result.nodes["sum"].output == f"branch-{items - 1}"
    assert most == cap


async def test_pipeline_whose_stored_result_cannot_be_read_goes_on_in_time(stack: Stack) -> None:
    """Trying again is bounded by the wall clock; then the node fails, the others go on."""
    async with stack.worker():
        name, agent = stack.name("damaged"), stack.name("echo")
        await stack.declare(agent, **INSTANT)
        digest = await open_store(str(stack.folder / "store")).put(b'"large"')
        (stored,) = (stack.folder / "store").rglob(f"*{digest[-40:]}*")
        stored.chmod(0o600)
        stored.write_bytes(b"damaged")
        nodes = {
            "large": {"agent": agent},
            "reader": {"agent": agent, "after": ["large"], "input": {"value": "{large.output}"}},
            "other": {"agent": agent, "after": {"reader": "any"}},
        }
        await declare_pipeline(stack, name, nodes=nodes, wall_clock="6s")
        kept = {"large": {"status": "succeeded", "output_digest": digest}}
        result = await run_pipeline(stack, name, f"{name}-1", kept=kept)
        entry = next(iter((await stack.keeper(name)).ledger.values()))
    assert (result.status, entry.status) == (RunStatus.FAILED, RunStatus.FAILED)
    assert "output of large: it could not be read" in result.nodes["reader"].reason
    assert result.nodes["other"].status is RunStatus.SUCCEEDED


class Unkept(FailingStore):
    """Refuses for good what a pipeline came to, as a store does that is gone too long."""

    async def put(self, data: bytes) -> str:
        """Store, or fail."""
        try:
            return await super().put(data)
        except StoreError as error:
            raise ApplicationError(str(error), type="StoreError", non_retryable=True) from None


async def test_pipeline_whose_outcome_cannot_be_stored_settles_without_it(stack: Stack) -> None:
    """The work is done and the keeper knows; the reason tells why there is no output."""
    stack.store = store = Unkept(stack.store, "put", b'{"a":"one"}', times=1)
    async with stack.worker():
        name, agent = stack.name("lost"), stack.name("echo")
        await stack.declare(agent, **INSTANT)
        await declare_pipeline(
            stack, name, nodes={"a": {"agent": agent, "input": {"value": "one"}}}
        )
        result = await run_pipeline(stack, name, f"{name}-1")
        entry = next(iter((await stack.keeper(name)).ledger.values()))
    assert store.failed == 1
    assert (result.status, result.nodes["a"].output) == (RunStatus.SUCCEEDED, "one")
    assert result.reason == (
        "it has no output, as what its nodes came to could not be stored (StoreError: the disk is "
        "full): the worker's log says why"
    )
    assert (entry.status, entry.reason, entry.output) == (result.status, result.reason, None)


async def most_at_once(handle: WorkflowHandle[Any, Any]) -> int:
    """The largest number of children that were at work at one time."""
    most = now = 0
    async for event in handle.fetch_history_events():
        kind = event.WhichOneof("attributes") or ""
        now += kind == "start_child_workflow_execution_initiated_event_attributes"
        now -= kind == "child_workflow_execution_completed_event_attributes"
        most = max(most, now)
    return most


async def test_pipeline_hands_on_a_result_that_was_too_large_to_travel(stack: Stack) -> None:
    """A path into 20 KiB works like one into 20 bytes."""
    async with stack.worker():
        name, agent = stack.name("large"), stack.name("echo")
        await stack.declare(agent, **INSTANT)
        await stack.declare(stack.name("list"), **LISTING)
        value = [{"n": n, "text": "x" * 200} for n in range(100)]
        nodes = {
            "list": {"agent": stack.name("list"), "input": {"value": value}},
            "last": {
                "agent": agent,
                "after": ["list"],
                "when": "list.output.99.n == 99",
                "input": {"value": "{list.output.98.n}"},
            },
        }
        await declare_pipeline(stack, name, nodes=nodes)
        result = await run_pipeline(stack, name, f"{name}-1")
        entry = next(iter((await stack.keeper(name)).ledger.values()))
        assert entry.output is not None
        outcome = json.loads(await stack.store.get(entry.output))
    assert result.nodes["list"].output is None
    assert result.nodes["list"].output_digest
    assert result.nodes["last"].output == "98"
    assert outcome == {"list": value, "last": "98"}


async def test_pipeline_announces_what_its_nodes_came_to(stack: Stack) -> None:
    """Its event carries every node's result, and starts who waits for it."""
    async with stack.worker():
        name, agent, event = stack.name("closing"), stack.name("echo"), stack.name("closed")
        await stack.declare(agent, **INSTANT)
        nodes = {
            "a": {"agent": agent, "input": {"value": "one"}},
            "b": {"agent": agent, "after": ["a"], "when": "input.never"},
        }
        await declare_pipeline(stack, name, nodes=nodes, emits=[event])
        result = await run_pipeline(stack, name, f"{name}-1")
        (told,) = result.events
        assert told.payload is not None
        payload = json.loads(await stack.store.get(told.payload))
        topic = await stack.client.get_workflow_handle(topic_id(event)).describe()
    assert told.name == event
    assert payload == {"a": "one"}
    assert topic.status is WorkflowExecutionStatus.RUNNING
