"""Tools of MCP servers: their names, and what is kept of them with a run."""

from typing import Any

from rota.model import Record
from rota.tools import Effect

MCP_PREFIX = "mcp:"
"""`mcp:<server>/<tool>` among an agent's tools; the server is declared in `fleet.yaml`."""


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


class ToolPins(Record):
    """The list, as kept in the store."""

    tools: tuple[ToolPin, ...] = ()

    def get(self, name: str) -> ToolPin | None:
        """The tool of that name."""
        return next((tool for tool in self.tools if tool.name == name), None)
