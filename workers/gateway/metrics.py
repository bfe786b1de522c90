"""`/metrics`: what Prometheus is told of the fleet, to whoever has the gateway's token."""

import asyncio
import gzip
from collections.abc import Sequence
from dataclasses import replace

from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from workers.exporter.exporter import NothingReadError, registry_of
from workers.gateway.place import Gateway

LITTLE_EFFORT = 1
"""Of gzip: such text shrinks to some 6 % anyway."""


def routes(gateway: Gateway) -> Sequence[BaseRoute]:
    """Return the routes of this family."""
    exporter = gateway.exporter

    async def metrics(request: Request) -> Response:
        try:
            looked = await exporter.scrape()
        except NothingReadError:
            text = "the first look at the fleet is under way\n"
            return PlainTextResponse(text, 503, {"Retry-After": "5"})
        # As of now: a look may be some seconds old.
        snapshot = replace(looked, deliveries=dict(gateway.deliveries))
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        packed = "gzip" in request.headers.get("accept-encoding", "")

        def written() -> bytes:
            text = encode(registry_of(snapshot))
            return gzip.compress(text, LITTLE_EFFORT) if packed else text

        # In a thread: a large fleet's is some megabytes of text.
        body = await asyncio.to_thread(written)
        headers = {"Vary": "Accept, Accept-Encoding"}
        headers |= {"Content-Encoding": "gzip"} if packed else {}
        return Response(body, headers=headers, media_type=content_type)

    return [Route("/metrics", gateway.access.required(metrics))]
