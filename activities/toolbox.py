"""The tools a worker can run: the built-in ones and those of its fleet."""

from collections.abc import Iterable
from pathlib import Path

from activities.tools.builtin import BUILTIN_TOOLS
from activities.tools.fleet import load_tools
from rota.tools import ToolDefinition


class Toolbox:
    """Tool definitions by name."""

    def __init__(self, fleet: Path, tools: dict[str, ToolDefinition]) -> None:
        self.fleet = fleet
        self._tools = tools

    @staticmethod
    def open(fleet: Path) -> "Toolbox":
        """Load the tools of `fleet`.

        Raises:
            activities.tools.fleet.ToolLoadError: `tools.py` cannot be used.
        """
        return Toolbox(fleet, {**BUILTIN_TOOLS, **load_tools(fleet)})

    @property
    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        return tuple(sorted(self._tools))

    def missing(self, names: Iterable[str]) -> list[str]:
        """Those of `names` that this worker does not have, in their order."""
        return [name for name in names if name not in self._tools]

    def get(self, name: str, allowed: Iterable[str]) -> ToolDefinition | None:
        """Return the tool, or None unless the agent lists it and this worker has it."""
        return self._tools.get(name) if name in allowed else None
