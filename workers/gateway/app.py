"""The gateway's routes, one line for each family: whoever adds one begins here."""

from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from workers.gateway import approve, callbacks, decode, events, fleet_page, health, hooks, metrics
from workers.gateway.counting import Counting
from workers.gateway.place import Gateway

Family = Callable[[Gateway], Sequence[BaseRoute]]

FAMILIES: tuple[Family, ...] = (
    health.routes,
    metrics.routes,
    fleet_page.routes,
    approve.routes,
    hooks.routes,
    events.routes,
    callbacks.routes,
    decode.routes,
)
"""Each asks `gateway.access` for what not everybody may read, and leaves in `gateway.closing`
whatever it opens."""


def application(gateway: Gateway) -> Starlette:
    """Return everything that this gateway answers."""
    counting = Middleware(Counting, deliveries=gateway.deliveries)
    routes = [route for family in FAMILIES for route in family(gateway)]
    return Starlette(routes=routes, middleware=[counting])
