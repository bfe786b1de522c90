"""The declared agent's script, played by the scripted runtime against the real tools."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from activities.runtimes.scripted import ScriptedRuntime
from activities.tools.builtin import BUILTIN_TOOLS
from activities.tools.call import check_arguments
from rota.conversation import Message, ModelRequest, Text, ToolCall, ToolResult


@pytest.fixture(scope="session")
def agent(fleet: Path) -> dict[str, Any]:
    """The declaration as it stands in the file."""
    return yaml.safe_load((fleet / "agents" / "reconciliation.yaml").read_text(encoding="utf-8"))


async def _play(desk: Any, agent: dict[str, Any], fleet: Path, memory: dict[str, Any]) -> Any:
    """One run: turns until the result; returns result, memory and the number of turns."""
    script = yaml.safe_load((fleet / agent["runtime"]["script"]).read_text(encoding="utf-8"))
    turns = [turn | {"seconds": 0} for turn in script]
    messages = [Message(role="user", content=(Text(text="Go."),))]
    for number in range(1, 20):
        request = ModelRequest(
            settings={"kind": "scripted", "turns": turns},
            system="",
            messages=tuple(messages),
            turn=number,
            context={"input": agent["input"], "memory": memory},
        )
        reply = await ScriptedRuntime().invoke(request)
        if not reply.message.tool_calls:
            return SimpleNamespace(
                result=json.loads(reply.message.text), memory=memory, turns=number
            )
        answers: list[ToolResult] = []
        for call in reply.message.tool_calls:
            answer, memory = _call(desk, agent, call, memory)
            answers.append(ToolResult(call_id=call.id, content=json.dumps(answer)))
        messages += [reply.message, Message(role="user", content=tuple(answers))]
    raise AssertionError("the script gives no result")


def _call(desk: Any, agent: dict[str, Any], call: ToolCall, memory: Any) -> tuple[Any, Any]:
    assert call.name in agent["tools"]
    tool = (desk.tools | BUILTIN_TOOLS)[call.name]
    args = check_arguments(tool, call.args).model_dump()
    if call.name == "memory.update":
        return "noted", {**memory, **args["patch"]}
    # A flag per entry and day: the real keys derive from the arguments as well.
    key = f"{call.name} {json.dumps(call.args, sort_keys=True)}"
    return desk.call(call.name.removeprefix("ledger."), key, **args), memory


async def test_script_over_two_days_handles_only_what_is_new(
    desk: Any, agent: dict[str, Any], fleet: Path
) -> None:
    """Each run takes one day, remembers it, and gives a result of the promised shape."""
    schema = json.loads((fleet / agent["output"]["schema"]).read_text(encoding="utf-8"))
    memory: dict[str, Any] = {}
    found: list[set[str]] = []
    for day in ("2026-10-01", "2026-10-02"):
        run = await _play(desk, agent, fleet, memory)
        memory = run.memory
        Draft202012Validator(schema).validate(run.result)
        assert memory == {"last_statement": day}
        assert run.result["period"] == {"from": day, "to": day}
        assert run.result["counts"]["statements"] == 3
        assert 3 <= run.turns <= 6
        found.append({d["entry_id"] for d in run.result["discrepancies"]})
    assert all(found)
    assert not found[0] & found[1]


async def test_script_with_nothing_new_still_gives_a_result(
    month: SimpleNamespace, agent: dict[str, Any], fleet: Path
) -> None:
    """After the last statement a run ends well, with nothing found and the mark unmoved."""
    memory = {"last_statement": "2026-11-11"}
    run = await _play(month.desk, agent, fleet, memory)
    assert run.memory == memory
    assert run.result["discrepancies"] == []
    assert run.result["counts"]["statements"] == 0


def test_agents_list_every_tool_of_their_fleet(desk: Any, fleet: Path) -> None:
    """No tool is missing from the declarations, and none is named that does not exist."""
    listed: set[str] = set()
    for path in (fleet / "agents").iterdir():
        listed |= {*yaml.safe_load(path.read_text(encoding="utf-8"))["tools"]}
    assert listed == {*desk.tools, *BUILTIN_TOOLS}


def test_tools_are_safe_to_repeat(desk: Any) -> None:
    """None of the tools is of the class that may never run twice."""
    assert {tool.effect.value for tool in desk.tools.values()} == {"read", "idempotent"}


def test_tool_paths_are_not_for_the_model_to_choose(desk: Any) -> None:
    """No argument names a file: hostile text cannot point a tool elsewhere."""
    for tool in desk.tools.values():
        names = set(tool.schema.parameters.get("properties", {}))
        assert not names & {"path", "file", "folder", "state", "statements", "ledger"}
