"""Everything outside that a fleet's agents need, looked at together: `rota doctor`'s long part.

Providers, MCP servers and connections are asked all at once, with or without a server of
Temporal's. Nothing is spent, and nothing written.
"""

from collections.abc import Mapping
from datetime import timedelta

from activities.runtimes.open import Maker
from workers.checked_fleet import CheckedFleet
from workers.checks import Check
from workers.connection_looks import connection_looks
from workers.looks import LIMIT, Told, take_all
from workers.mcp_checks import mcp_looks
from workers.notify_checks import notify_looks
from workers.runtime_looks import runtime_looks


async def check_outside(
    checked: CheckedFleet,
    told: Told | None = None,
    *,
    limit: timedelta = LIMIT,
    makers: Mapping[str, Maker] | None = None,
) -> list[Check]:
    """Look at all of it; one check for each that there is something to say of.

    Args:
        checked: The fleet.
        told: Called with the names of what is still waited for.
        limit: Longest time for each runtime and connection; MCP servers declare their own.
        makers: Take the place of the runtimes' own implementations; for tests.
    """
    looks = [
        *runtime_looks(checked.fleet, makers),
        *connection_looks(checked),
        *mcp_looks(checked.fleet),
        *notify_looks(checked.fleet),
    ]
    return await take_all(looks, told, limit)
