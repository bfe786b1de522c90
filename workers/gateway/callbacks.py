"""`POST /callbacks/<token>`: answers of providers, taken here so that no worker need be reachable.

A run that waits for one looks into the store for it, every few seconds, on whichever worker.
"""

from collections.abc import Sequence

from starlette.routing import BaseRoute

from workers import callbacks
from workers.gateway.place import Gateway


def routes(gateway: Gateway) -> Sequence[BaseRoute]:
    """Return the routes of this family; none if the gateway knows no secret of callbacks."""
    return callbacks.routes(gateway.callbacks) if gateway.callbacks else []
