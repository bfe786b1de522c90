"""`/metrics`: what Prometheus is told of the fleet, to whoever has the gateway's token."""

import asyncio
from collections.abc import Sequence

from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from workers.exporter.exporter import Exporter, NothingReadError, registry_of
from workers.gateway.place import Gateway


def routes(gateway: Gateway) -> Sequence[BaseRoute]:
    """Return the routes of this family."""
    exporter = Exporter(gateway.client, gateway.fleet.name)
    gateway.closing.push_async_callback(exporter.aclose)

    async def metrics(request: Request) -> Response:
        try:
            snapshot = await exporter.scrape()
        except NothingReadError:
            text = "the first look at the fleet is under way\n"
            return PlainTextResponse(text, 503, {"Retry-After": "5"})
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        # In a thread: a large fleet's is some megabytes of text.
        body = await asyncio.to_thread(encode, registry_of(snapshot))
        return Response(body, media_type=content_type)

    return [Route("/metrics", gateway.access.required(metrics))]
