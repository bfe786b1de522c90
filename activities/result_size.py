"""How large a success' result is, and whether there is anything in it: told to the ledger.

Of the ledger the Watchdog learns what is usual for an agent.
"""

import json

from activities.stores.base import ObjectStore, StoreError
from rota.keepers.admission import Settlement
from rota.runs import RunStatus
from rota.watchdog.emptiness import is_nothing

LARGEST_EMPTY = 4096
"""Bytes: nobody writes more to say nothing."""


async def with_size(store: ObjectStore, settlement: Settlement) -> Settlement:
    """Return the settlement with its result's size; as it is if nobody can tell.

    A run settles without a store that is out of reach: its size is not worth a wait.
    """
    if settlement.status is not RunStatus.SUCCEEDED or settlement.output is None:
        return settlement
    try:
        data = await store.get(settlement.output)
        empty = len(data) <= LARGEST_EMPTY and is_nothing(json.loads(data))
    except (StoreError, ValueError, RecursionError):
        return settlement
    update = {"output_bytes": len(data), "output_empty": empty}
    return settlement.model_copy(update=update)
