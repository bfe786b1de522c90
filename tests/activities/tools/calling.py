"""Call a tool as a run does, without one."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from activities.tools.call import call_tool, check_arguments
from rota.connections import Connections
from rota.tools import ToolContext, ToolDefinition


def context(
    fleet: Path = Path(),
    *,
    key: str = "key-1",
    secrets: Mapping[str, str] | None = None,
    **connections: Any,
) -> ToolContext:
    """What a call is told, with the blocks of `fleet.yaml` given by name."""
    known = dict(secrets or {})

    def resolve(reference: str) -> str:
        if reference not in known:
            raise LookupError(f"secret {reference}: the worker's environment has none")
        return known[reference]

    return ToolContext(
        idempotency_key=key,
        agent="agent",
        run_id="agent-1",
        slot=None,
        fleet=fleet,
        input={},
        heartbeat=lambda text: None,
        log=logging.getLogger("rota.tools"),
        secrets=resolve,
        connections=Connections.model_validate(connections),
    )


async def call(tool: ToolDefinition, at: ToolContext, **args: Any) -> Any:
    """Check the arguments, call, and read the result back as a model would."""
    text = await call_tool(tool, check_arguments(tool, args), at)
    try:
        return json.loads(text)
    except ValueError:
        return text
