"""`POST /decode`: payloads opened for the Temporal UI and command line, which ask a codec server.

Off unless `gateway.decode` is declared. Each request leaves a line in the log: who, from where, how
many; never what. There is no `/encode`: nothing is started, or signalled, through here.

*Source:* Temporal, "Codec Server": JSON of `temporal.api.common.v1.Payloads`, header `X-Namespace`.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from google.protobuf import json_format
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from temporalio.api.common.v1 import Payloads

from rota.hooks.gateway_spec import DecodeSpec
from workers.codec_server import UNREADABLE, NamespaceUnknownError, PayloadReader
from workers.gateway.access import Access
from workers.gateway.bodies import AnsweredError, Bodies
from workers.gateway.place import Gateway
from workers.gateway.rates import Bucket

MOST_BYTES = 16 * 1024 * 1024
"""Of a request: several pages of a history, as they lie in it."""
MOST_PAYLOADS = 2000
ANYBODY = "anybody"
COMPLAINTS = 6
"""Lines a minute about those who may not read."""
PREFLIGHT_SECONDS = 600
"""How long a browser may believe what it was allowed."""

log = logging.getLogger("rota.gateway.decode")


@dataclass
class Reader:
    """Somebody who may read."""

    name: str
    access: Access = field(repr=False)
    rate: Bucket


class Decoder:
    """Answers those who may read."""

    def __init__(self, spec: DecodeSpec, readers: Mapping[str, Access], opens: PayloadReader):
        """Let `readers` read what `opens` opens; whoever comes, if there are none."""
        named = readers or {ANYBODY: Access()}
        self._readers = [
            Reader(name, access, Bucket(spec.per_minute)) for name, access in named.items()
        ]
        self._origins = frozenset(spec.origins)
        self._opens = opens
        self._bodies = Bodies()
        self._complaints = Bucket(COMPLAINTS)

    async def answer(self, request: Request) -> Response:
        """Answer a request, or a browser's question whether its page may ask."""
        origin = request.headers.get("origin")
        if origin is not None and origin.lower() not in self._origins:
            # Before anything else: also where nobody is asked for a token.
            return PlainTextResponse("this page may not ask\n", 403, {"Vary": "Origin"})
        try:
            response = await self._permitted() if _asks(request) else await self._decoded(request)
        except AnsweredError as answered:
            response = answered.response
        response.headers["Vary"] = "Origin"
        response.headers["Cache-Control"] = "no-store"
        if origin is not None:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Allow-Credentials"] = "true"
        return response

    async def _permitted(self) -> Response:
        headers = {
            "Access-Control-Allow-Methods": "POST, OPTIONS",
            "Access-Control-Allow-Headers": "authorization, content-type, x-namespace",
            "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
        }
        return Response(status_code=204, headers=headers)

    async def _decoded(self, request: Request) -> Response:
        reader = self._reader(request)
        if wait := reader.rate.wait(time.monotonic()):
            raise AnsweredError(429, "too many requests", wait)
        namespace = request.headers.get("x-namespace", "")
        async with self._bodies.read(request, MOST_BYTES) as body:
            payloads = _payloads(body)
            try:
                plain = await self._opens.decode(payloads.payloads, namespace)
            except NamespaceUnknownError as error:
                raise AnsweredError(404, str(error)) from error
        unreadable = sum(UNREADABLE in payload.metadata for payload in plain)
        log.info(
            "decoded for %s at %s, page %s: %d payloads of namespace %s, %d of them unreadable",
            reader.name,
            request.client.host if request.client else "?",
            request.headers.get("origin", "none"),
            len(plain),
            namespace,
            unreadable,
        )
        text = json_format.MessageToJson(Payloads(payloads=plain), indent=None)
        return Response(text, media_type="application/json")

    def _reader(self, request: Request) -> Reader:
        # All of them: how long it takes says nothing of whose token is nearly right.
        allowed = [reader for reader in self._readers if reader.access.allows(request)]
        if not allowed:
            if not self._complaints.wait(time.monotonic()):
                host = request.client.host if request.client else "?"
                log.warning("refused somebody at %s, who has no reader's token", host)
            error = AnsweredError(401, "unauthorized")
            error.response.headers["WWW-Authenticate"] = 'Bearer realm="rota", Basic realm="rota"'
            raise error
        return allowed[0]


def routes(gateway: Gateway) -> Sequence[BaseRoute]:
    """Return the routes of this family; none if nobody may read."""
    spec = gateway.fleet.gateway.decode
    if spec is None or gateway.opens is None:
        return []
    decoder = Decoder(spec, gateway.readers, gateway.opens)
    return [Route("/decode", decoder.answer, methods=["POST", "OPTIONS"])]


def _asks(request: Request) -> bool:
    return request.method == "OPTIONS"


def _payloads(body: bytes) -> Payloads:
    try:
        payloads = json_format.Parse(body, Payloads(), ignore_unknown_fields=True)
    except (json_format.ParseError, UnicodeDecodeError, RecursionError) as error:
        raise AnsweredError(400, 'the body is not {"payloads": […]}') from error
    if len(payloads.payloads) > MOST_PAYLOADS:
        raise AnsweredError(413, f"more than {MOST_PAYLOADS} payloads")
    return payloads
