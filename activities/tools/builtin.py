"""Tools every agent may list: they work on the run itself, not on the world."""

from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from rota.tools import Effect, ToolDefinition

MEMORY_UPDATE = "memory.update"


class _MemoryUpdate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    patch: dict[str, Any] = Field(
        description="JSON Merge Patch: keys to set; null removes a key; objects merge."
    )


def _accept(patch: dict[str, Any]) -> dict[str, Any]:
    return patch


memory_update = ToolDefinition(
    name=MEMORY_UPDATE,
    effect=Effect.IDEMPOTENT,
    timeout=timedelta(seconds=30),
    function=_accept,
    context_parameter=None,
    arguments=_MemoryUpdate,
    description=(
        "Change your memory between runs by a JSON Merge Patch. It takes effect when the "
        "run succeeds; a failed run leaves the memory as it was."
    ),
)

BUILTIN_TOOLS: dict[str, ToolDefinition] = {MEMORY_UPDATE: memory_update}
