"""`AgentRun` from start to settlement, on the real server with the scripted runtime."""

from rota.runs import RunStatus
from rota.tools import tool
from tests.stack import Stack, script


@tool(name="calc.add")
def add(a: int, b: int) -> dict[str, int]:
    """Add two numbers."""
    return {"sum": a + b}


ADDING = script(
    {"calls": [{"tool": "calc.add", "args": {"a": 1, "b": 2}}]},
    {"calls": [{"tool": "calc.add", "args": {"a": "{results.calc_add.sum}", "b": 10}}]},
    {"result": {"total": "{results.calc_add.sum}"}},
)


async def test_agent_run_with_tools_succeeds_and_is_in_the_ledger(stack: Stack) -> None:
    """A run thinks, calls tools with earlier results, settles, and its keeper knows it."""
    name = stack.name("adder")
    async with stack.worker([add]):
        await stack.declare(name, runtime=ADDING, tools=["calc.add"], emits=["adder.done"])
        result = await stack.run(name, f"{name}-1")
        state = await stack.keeper(name)
    assert result.status is RunStatus.SUCCEEDED
    assert result.output == {"total": 13} or result.output == '{"total": 13}'
    assert (result.turns, result.tool_calls) == (3, 2)
    assert [event.name for event in result.events] == ["adder.done"]
    (entry,) = state.ledger.values()
    assert entry.status is RunStatus.SUCCEEDED
    assert state.session("default").holder is None
