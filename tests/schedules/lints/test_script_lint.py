"""Scripts whose calls no tool of their agent answers."""

from typing import Any

from tests.schedules.remarks_of import remarks_of


def script(*tools: str) -> dict[str, Any]:
    """A runtime whose second turn calls these."""
    turns = [{"say": "hm"}, {"calls": [{"tool": tool} for tool in tools]}, {"result": "done"}]
    return {"kind": "scripted", "turns": turns}


def test_script_that_calls_what_the_agent_has_is_clean() -> None:
    """Agents and servers' tools among them."""
    tools = ["books.close", "agents.other", "mcp:warehouse/query"]
    assert remarks_of(runtime=script(*tools), tools=tools) == []


def test_script_that_calls_another_tool_is_remarked_on_at_the_call() -> None:
    """It would be refused in every run; the likely name is suggested."""
    (remark,) = remarks_of(runtime=script("books.close", "books.colse"), tools=["books.close"])
    level, path, message = remark
    assert (level, path) == ("warning", "runtime.turns.1.calls.1.tool")
    assert message.startswith("'books.colse' is none of this agent's tools")
    assert message.endswith("did you mean 'books.close'?")


def test_script_of_a_fallback_is_looked_through_too() -> None:
    """At its place in the chain; an agent without tools is told where they go."""
    model = {"kind": "anthropic", "model": "m", "fallback": [script("books.close")]}
    (remark,) = remarks_of(runtime=model)
    assert remark[1] == "runtime.fallback.0.turns.1.calls.0.tool"
    assert remark[2].endswith("it lists none: add it to tools")
