"""Tool names in the small alphabet that providers allow, and back. Pure.

Rota's names have dots, colons and slashes (`ledger.post`, `mcp:warehouse/query`). Every
runtime maps them the same way, so a transcript reads alike whoever answered.
"""

import re
from collections.abc import Iterable

from rota.conversation import ModelRequest
from rota.model import digest_of

LONGEST = 64
"""Characters that every provider takes."""

_NAME = re.compile(r"[a-zA-Z0-9_-]+")
_DIGEST = 8


class ToolNames:
    """Maps Rota's tool names to names a provider allows, and back.

    `ledger.post` travels as `ledger__post`. A name that would meet another one, or does
    not fit, ends in eight digits of its digest. The tools come first, so that names in
    the history (a call the model invented) never change what a tool is called.
    """

    def __init__(
        self, tools: Iterable[str], history: Iterable[str] = (), longest: int = LONGEST
    ) -> None:
        self._longest = longest
        self._wire: dict[str, str] = {}
        for group in (set(tools), set(history)):
            for name in sorted(group, key=lambda name: (not self._fits(name), name)):
                if name not in self._wire:
                    self._wire[name] = self._free_name(name)
        self._rota = {wire: name for name, wire in self._wire.items()}

    @staticmethod
    def of(request: ModelRequest, longest: int = LONGEST) -> "ToolNames":
        """Collect the names of one request: its tools and the calls made so far."""
        calls = (call.name for message in request.messages for call in message.tool_calls)
        return ToolNames((tool.name for tool in request.tools), calls, longest)

    def to_wire(self, name: str) -> str:
        """Return the name the provider sees.

        Raises:
            KeyError: the name was not given to the constructor.
        """
        return self._wire[name]

    def from_wire(self, wire: str) -> str:
        """Return Rota's name, or `wire` itself if the model invented it."""
        return self._rota.get(wire, wire)

    def _fits(self, name: str) -> bool:
        return len(name) <= self._longest and _NAME.fullmatch(name) is not None

    def _free_name(self, name: str) -> str:
        wire = re.sub(r"[^a-zA-Z0-9_-]", "_", name.replace(".", "__"))
        if self._fits(wire) and wire not in self._wire.values():
            return wire
        return f"{wire[: self._longest - _DIGEST - 1]}_{digest_of(name.encode())[:_DIGEST]}"
