"""Tools of servers in a worker's toolbox: before a run has listed them, and after."""

from pathlib import Path

import pytest

from activities.documents import put_record
from activities.mcp.tools import pinned_tool, with_pins
from activities.preflight import preflight
from activities.stores.open import open_store
from activities.toolbox import Toolbox
from activities.tools.call import ArgumentsError, check_arguments
from rota.agent_spec import AgentSpec
from rota.connections import Connections
from rota.failures import FailureCategory, StepError
from rota.mcp import ToolPin, ToolPins
from rota.mcp_servers import McpServer
from rota.tools import Effect

SCHEMA = {
    "type": "object",
    "properties": {"region": {"type": "string"}, "limit": {"type": "integer"}},
    "required": ["region"],
    "additionalProperties": False,
}
PIN = ToolPin(
    name="mcp:warehouse/query",
    description="Read the stock.",
    parameters=SCHEMA,
    effect=Effect.IDEMPOTENT,
    timeout_seconds=7,
    digest="0" * 64,
)
WAREHOUSE = Connections(mcp={"warehouse": McpServer(url="https://a/mcp", token="env:MCP_UNSET")})


def agent(*tools: str) -> AgentSpec:
    """An agent that names these tools."""
    return AgentSpec.model_validate(
        {"name": "agent", "runtime": {"kind": "scripted"}, "tools": tools}
    )


async def test_pinned_tools_are_among_a_runs_tools_alone(tmp_path: Path) -> None:
    """Another run of the same worker does not see them; a run without a list changes nothing."""
    store = open_store(str(tmp_path / "store"))
    toolbox = Toolbox(tmp_path, {}, WAREHOUSE)
    digest = await put_record(store, ToolPins(tools=(PIN,)))
    extended = await with_pins(store, toolbox, digest)
    tool = extended.get(PIN.name, [PIN.name])
    assert tool is not None
    assert (tool.effect, tool.timeout.total_seconds()) == (Effect.IDEMPOTENT, 7)
    assert tool.schema.model_dump()["parameters"] == SCHEMA
    assert extended.connections is WAREHOUSE
    assert toolbox.get(PIN.name, [PIN.name]) is None
    assert await with_pins(store, toolbox, None) is toolbox


def test_arguments_are_taken_as_they_are_or_refused_with_each_problem() -> None:
    """The schema is the server's; what fits it is sent without a change."""
    tool = pinned_tool(PIN)
    assert check_arguments(tool, {"region": "north"}).model_dump() == {"region": "north"}
    with pytest.raises(ArgumentsError) as caught:
        check_arguments(tool, {"limit": "ten", "more": 1})
    told = str(caught.value)
    assert told.startswith("mcp:warehouse/query: arguments: ")
    assert "'region' is a required property" in told
    assert "limit: 'ten' is not of type 'integer'" in told
    assert "'more' was unexpected" in told


@pytest.mark.parametrize(
    ("tool", "category", "text"),
    [
        ("mcp:office/query", FailureCategory.INVALID_REQUEST, "an MCP server 'office' in fleet"),
        ("mcp:warehouse", FailureCategory.INVALID_REQUEST, "write mcp:<server>/<tool>"),
        ("mcp:warehouse/query", FailureCategory.AUTH, "fleet.yaml: mcp.warehouse.token"),
    ],
)
def test_what_the_files_alone_tell_is_told_before_a_run_begins(
    tmp_path: Path, tool: str, category: FailureCategory, text: str
) -> None:
    """No server is asked for that."""
    with pytest.raises(StepError, match=text) as caught:
        preflight(agent(tool), Toolbox(tmp_path, {}, WAREHOUSE))
    assert caught.value.category is category
