"""Tools of MCP servers: their names, and what is kept of them with a run."""

from typing import Any, NamedTuple

from pydantic import Field

from rota.model import Record, is_false
from rota.tools import Effect

MCP_PREFIX = "mcp:"
"""`mcp:<server>/<tool>` among an agent's tools; the server is declared in `fleet.yaml`."""


class McpName(NamedTuple):
    """The two halves of such a name."""

    server: str
    tool: str
    """As the server calls it; whatever characters that has."""


def is_mcp(name: str) -> bool:
    """True of a tool that an MCP server serves, be the name well formed or not."""
    return name.startswith(MCP_PREFIX)


def mcp_name(name: str) -> McpName | None:
    """Take the name of an MCP server's tool apart; None if it is none, or lacks a half."""
    server, slash, tool = name.removeprefix(MCP_PREFIX).partition("/")
    return McpName(server, tool) if is_mcp(name) and slash and server and tool else None


class ToolPin(Record):
    """One tool of a server as it was when the run began."""

    name: str
    """`mcp:<server>/<tool>`."""
    description: str
    parameters: dict[str, Any]
    """JSON Schema of the arguments."""
    effect: Effect
    """From the server's annotations: read-only, idempotent, else a write."""
    timeout_seconds: float
    digest: str
    """Content hash of the tool as its server described it, whole."""
    private: bool = Field(default=False, exclude_if=is_false)
    untrusted: bool = Field(default=False, exclude_if=is_false)
    outward: bool = Field(default=False, exclude_if=is_false)


class ToolPins(Record):
    """The list, as kept in the store."""

    tools: tuple[ToolPin, ...] = ()

    def get(self, name: str) -> ToolPin | None:
        """The tool of that name."""
        return next((tool for tool in self.tools if tool.name == name), None)
