"""`POST /callbacks/…`: calls of providers, taken here so that no worker need be reachable.

At `/callbacks/<kind>` a provider's own webhook tells of all sessions of an account, signed; at
the other addresses, which runs give out, is who was given one. What is said of a session is never
believed: it rings a bell, and whoever watches that session asks for itself.
"""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from activities.bells import ring, session_bell
from activities.callbacks import PATH
from rota.runtimes.session_calls import session_called_about
from workers import callbacks
from workers.gateway.bodies import AnsweredError
from workers.gateway.inbound import Inbound
from workers.gateway.place import Gateway
from workers.gateway.server_calls import on_behalf


def routes(gateway: Gateway) -> Sequence[BaseRoute]:
    """Return the routes of this family: those that somebody can be known by."""
    inbound = Inbound(gateway.fleet.gateway.max_body_bytes)

    def by(kind: str) -> Any:
        door = gateway.doors.callers[kind]

        async def post(request: Request) -> Response:
            try:
                async with inbound.delivery(request, door) as delivery:
                    session = session_called_about(delivery.scope["body"])
                    taken = False
                    if session:
                        async with on_behalf(door.name):
                            bell = session_bell(kind, session)
                            taken = await ring(gateway.store, bell, delivery.id)
            except AnsweredError as answered:
                return answered.response
            return JSONResponse({"id": delivery.id, "taken": taken}, 202 if taken else 200)

        return post

    of_kinds = [
        Route(f"{PATH}/{kind}", by(kind), methods=["POST"]) for kind in gateway.doors.callers
    ]
    given_out = callbacks.routes(gateway.callbacks) if gateway.callbacks else []
    return [*of_kinds, *given_out]
