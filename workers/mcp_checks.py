"""What `rota doctor` asks MCP servers: each declared one for its tools, and nothing else.

Listing changes nothing and costs nothing, but it does start local programs.
"""

from collections.abc import Collection
from datetime import timedelta
from functools import partial

from activities.secrets import Secrets
from rota.failures import FailureCategory, StepError
from rota.mcp import mcp_name
from rota.mcp_servers import McpServer
from schedules.fleet import Fleet
from workers.checks import Check
from workers.looks import Look

_CURES = {
    FailureCategory.AUTH: "set the secret where the worker runs, or get a new one",
    FailureCategory.INVALID_REQUEST: "mend it in fleet.yaml, or install the program",
}


LISTING_GRACE = timedelta(seconds=10)
"""Beyond a server's own `list_timeout`: for importing the SDK, and ending the program."""


def mcp_looks(fleet: Fleet) -> list[Look]:
    """Return one look for each server that the fleet declares: it lists the server's tools."""
    wanted: dict[str, dict[str, None]] = {}
    for agent in fleet.agents.values():
        for parts in filter(None, map(mcp_name, agent.spec.tools)):
            wanted.setdefault(parts.server, {})[parts.tool] = None
    return [
        Look(
            f"mcp server {name}",
            partial(_check, fleet, name, server, wanted.get(name, {})),
            server.list_timeout + LISTING_GRACE,
        )
        for name, server in fleet.file.mcp.items()
    ]


async def _check(fleet: Fleet, name: str, server: McpServer, wanted: Collection[str]) -> Check:
    # Here, not at the top: it imports the SDK, which few fleets need.
    from activities.mcp.listing import list_server, pins_of  # noqa: PLC0415

    title, secrets = f"mcp server {name}", Secrets()
    try:
        tools = await list_server(name, server, fleet.folder, secrets)
    except StepError as error:
        cure = _CURES.get(error.category, "see that it runs, and that this machine reaches it")
        return Check(title, False, secrets.redact(str(error)), cure)
    listed = ", ".join(sorted(tools)) or "no tools"
    missing = [tool for tool in wanted if tool not in tools]
    if missing:
        found = f"has no {', '.join(missing)}; it has: {listed}"
        return Check(title, False, found, "correct the agents' tools, or update the server")
    try:
        # Those that the fleet pins, too: whoever pins one wants to know before a run does.
        pins_of(name, server, tools, [*wanted, *(tool for tool in server.pins if tool in tools)])
    except StepError as error:
        cure = "pin it anew in fleet.yaml once you have looked at it, or mend the server"
        return Check(title, False, str(error), cure)
    return Check(title, True, f"answers, and has: {listed}")
