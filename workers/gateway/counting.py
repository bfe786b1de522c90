"""What was posted to the gateway, counted by how it was answered: `rota_deliveries_total`.

Around all routes, so that none can forget it. No name of an agent, a topic or a sender is kept:
whoever posts could make up as many as there are.
"""

from collections import Counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rota.metrics.listed import DELIVERY_DOORS

OUTCOMES = {
    200: "passed",
    202: "taken",
    400: "malformed",
    401: "unsigned",
    404: "not_found",
    408: "too_slow",
    413: "too_large",
    422: "malformed",
    429: "limited",
    503: "unavailable",
}
OTHERWISE = "failed"

Deliveries = Counter[tuple[str, str]]
"""By door and outcome."""


class Counting:
    """Counts the answers to whoever posts at a door."""

    def __init__(self, app: ASGIApp, deliveries: Deliveries) -> None:
        """Count into `deliveries` what `app` answers."""
        self._app = app
        self._deliveries = deliveries

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        door = _door(scope)
        if door is None:
            await self._app(scope, receive, send)
            return

        answered = False

        async def counted(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = True
                self._deliveries[door, OUTCOMES.get(message["status"], OTHERWISE)] += 1
            await send(message)

        try:
            await self._app(scope, receive, counted)
        except Exception:
            if not answered:  # With 500, by whoever is around this.
                self._deliveries[door, OTHERWISE] += 1
            raise


def _door(scope: Scope) -> str | None:
    if scope["type"] != "http" or scope["method"] != "POST":
        return None
    # Some paths have no slash at all: anybody may post to `*`.
    path = f"{scope['path']}/"
    return next((door for door in DELIVERY_DOORS if path.startswith(f"/{door}/")), None)
