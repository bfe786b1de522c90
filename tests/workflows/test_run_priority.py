"""A run's place among all that wait for a worker, as its steps carry it."""

from typing import Any

from temporalio.api.common.v1 import Priority

from rota.tools import tool
from tests.stack import Stack, script


@tool(name="books.read")
def read() -> str:
    """Read the books."""
    return "read"


async def priorities(stack: Stack, **declaration: Any) -> list[Priority | None]:
    """What each step of a run asks of the server; None if it asks for nothing."""
    name = stack.name("agent")
    runtime = script({"calls": [{"tool": "books.read"}]}, {"result": "done"})
    async with stack.worker([read]):
        await stack.declare(name, runtime=runtime, tools=["books.read"], **declaration)
        run = await stack.start(name, f"{name}-1", input={"customer": "acme"})
        await run.result()
        events = (await run.fetch_history()).events
    steps = [
        event.activity_task_scheduled_event_attributes
        for event in events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
    return [step.priority if step.HasField("priority") else None for step in steps]


async def test_steps_carry_priority_and_fairness_of_the_declaration(stack: Stack) -> None:
    """Every turn and every tool call: order, customer, share."""
    fairness = {"key": "{input.customer}", "weight": 2.5}
    found = await priorities(stack, priority=1, fairness=fairness)
    expected = Priority(priority_key=1, fairness_key="acme", fairness_weight=2.5)
    assert found == [expected] * 3


async def test_steps_of_an_ordinary_run_ask_for_nothing(stack: Stack) -> None:
    """Who declares nothing waits as Temporal has everybody wait."""
    assert {str(priority or "") for priority in await priorities(stack)} == {""}
