"""What is private, foreign or outward about a server's tools, as it and the fleet say."""

from typing import Any

import mcp_types as types
import pytest

from activities.mcp.listing import pins_of
from activities.mcp.tools import pinned_tool
from rota.mcp_servers import McpServer

READ = {"readOnlyHint": True}
CLOSED = {"openWorldHint": False}


@pytest.mark.parametrize(
    ("hints", "declared", "traits"),
    [
        (None, {}, "untrusted outward"),
        ({}, {}, "untrusted outward"),
        (READ, {}, "untrusted"),
        ({**READ, "openWorldHint": True}, {}, "untrusted"),
        (CLOSED, {}, ""),
        (CLOSED, {"untrusted": True, "outward": True}, "untrusted outward"),
        ({}, {"untrusted": False, "outward": False, "private": True}, "private"),
        (READ, {"outward": True, "private": False}, "untrusted outward"),
    ],
)
def test_traits_of_a_servers_tool_are_its_hints_unless_the_fleet_says_otherwise(
    hints: dict[str, bool] | None, declared: dict[str, Any], traits: str
) -> None:
    """Silence means an open world, as the protocol has it; privacy only a fleet can tell."""
    annotations = None if hints is None else types.ToolAnnotations.model_validate(hints)
    tool = types.Tool(name="do", input_schema={"type": "object"}, annotations=annotations)
    server = McpServer(command=("crm",), **declared)
    made = pinned_tool(pins_of("crm", server, {"do": tool}, ["do"])[0])
    assert [t for t in ("private", "untrusted", "outward") if getattr(made, t)] == traits.split()
