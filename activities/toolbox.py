"""The tools a worker can run: the built-in ones and those of its fleet."""

from collections.abc import Iterable
from pathlib import Path

from activities.tools.fleet import ToolLoadError, load_tools
from activities.tools.open import builtin_tools
from rota.connections import Connections, undeclared
from rota.coordination.handoffs import handoff_of
from rota.mcp import is_mcp, mcp_name
from rota.mcp_servers import McpServer
from rota.tools import ToolDefinition


class Toolbox:
    """Tool definitions by name, and the connections they work with."""

    def __init__(
        self,
        fleet: Path,
        tools: dict[str, ToolDefinition],
        connections: Connections | None = None,
    ) -> None:
        self.fleet = fleet
        self.connections = connections or Connections()
        self._tools = tools

    @staticmethod
    def open(fleet: Path, connections: Connections | None = None) -> "Toolbox":
        """Load the tools of `fleet`.

        Args:
            fleet: Folder of the fleet.
            connections: As its `fleet.yaml` declares them; None: it declares none.

        Raises:
            activities.tools.fleet.ToolLoadError: `tools.py` cannot be used.
        """
        tools = load_tools(fleet)
        for name in tools:
            if handoff_of(name) is not None:
                raise ToolLoadError(
                    f"{fleet / 'tools.py'}: '{name}' names an agent, which is a tool already; "
                    "rename yours"
                )
        return Toolbox(fleet, {**builtin_tools(connections or Connections()), **tools}, connections)

    def extended(self, tools: Iterable[ToolDefinition]) -> "Toolbox":
        """This one with further tools, such as those that servers offer to a run."""
        added = {tool.name: tool for tool in tools}
        return Toolbox(self.fleet, {**self._tools, **added}, self.connections)

    @property
    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        return tuple(sorted(self._tools))

    def missing(self, names: Iterable[str]) -> list[str]:
        """Those of `names` that this worker does not have, in their order.

        Agents among the tools are nobody's to have: what is wrong with them, a call is told.
        Neither are those of MCP servers, which each run asks for.
        """
        return [
            name
            for name in names
            if name not in self._tools and handoff_of(name) is None and not is_mcp(name)
        ]

    def unconnected(self, name: str) -> str:
        """Say what `fleet.yaml` lacks for a tool to work; empty if nothing, or no such tool."""
        if is_mcp(name):
            return self._unserved(name)
        tool = self._tools.get(name)
        if tool is None or not tool.connection or self.connections.declares(tool.connection):
            return ""
        return undeclared(name, tool.connection)

    def connection_keys(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the keys of `fleet.yaml` that the tools among `names` work with, sorted."""
        tools = filter(None, map(self._tools.get, names))
        return tuple(sorted({tool.connection for tool in tools if tool.connection}))

    def connection_secrets(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """Return place and reference of each secret that the tools among `names` work with."""
        names = list(names)
        keys = {tool.connection for name in names if (tool := self._tools.get(name))}
        pairs = [pair for key in sorted(keys) for pair in self.connections.secret_references(key)]
        for key, server in self.servers(names).items():
            pairs += [(f"mcp.{key}.{place}", ref) for place, ref in server.secret_references()]
        return pairs

    def servers(self, names: Iterable[str]) -> dict[str, McpServer]:
        """The declared MCP servers whose tools are among `names`, in the order of those."""
        found = [parts.server for name in names if (parts := mcp_name(name))]
        declared = self.connections.mcp
        return {key: declared[key] for key in dict.fromkeys(found) if key in declared}

    def get(self, name: str, allowed: Iterable[str]) -> ToolDefinition | None:
        """Return the tool, or None unless the agent lists it and this worker has it."""
        return self._tools.get(name) if name in allowed else None

    def _unserved(self, name: str) -> str:
        parts = mcp_name(name)
        if parts is None:
            return f"'{name}' is no tool of an MCP server; write mcp:<server>/<tool>"
        if parts.server in self.connections.mcp:
            return ""
        listed = ", ".join(self.connections.mcp) or "none"
        return (
            f"'{name}' needs an MCP server '{parts.server}' in fleet.yaml, which has {listed}; "
            f"add mcp: {{{parts.server}: {{command: […]}}}} or {{url: https://…}}"
        )
