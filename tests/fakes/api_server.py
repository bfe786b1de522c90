"""What the fakes of JSON APIs have in common: a socket, a log of requests, scripted faults.

A fault takes the place of an answer: an error status, or the answer of a request that was
carried out and never arrives. Everything else is for the API's own fake to say.
"""

import asyncio
import json
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.loopback_fake import LoopbackFake
from tests.fakes.loopback_http import Connection, HttpRequest


@dataclass(frozen=True)
class ApiRequest:
    """One request, taken apart."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    """Parsed JSON; None without a body."""


class ApiReply(NamedTuple):
    """What the fake answers."""

    status: int
    data: Any
    """JSON, or text as it is."""
    headers: Mapping[str, str] = MappingProxyType({})


@dataclass
class Fault:
    """What happens to the next request of a method in place of an answer."""

    method: str
    reply: ApiReply | None = None
    """None: the request is carried out, and nothing is answered."""
    silent: bool = False
    """Without an answer the connection stays open, instead of being cut."""
    done: threading.Event = field(default_factory=threading.Event)


class ApiFake(LoopbackFake):
    """Base of the fakes; `reply` is called on the server's thread, one request at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[ApiRequest] = []
        self._faults: deque[Fault] = deque()

    def reply(self, request: ApiRequest) -> ApiReply:
        """Carry the request out."""
        raise AssertionError("each fake has its own")

    def fail(self, method: str, status: int, data: Any, **headers: str) -> None:
        """Answer the next request of that method so; `retry_after` becomes `retry-after`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._faults.append(Fault(method, ApiReply(status, data, named)))

    def lose_answer(self, method: str) -> threading.Event:
        """Carry the next request of that method out and cut the connection; tells when."""
        fault = Fault(method)
        self._faults.append(fault)
        return fault.done

    def keep_answer(self, method: str) -> threading.Event:
        """Carry the next request of that method out and say nothing; tells when it is done."""
        fault = Fault(method, silent=True)
        self._faults.append(fault)
        return fault.done

    def count(self, method: str) -> int:
        """How many requests of that method there were."""
        return sum(request.method == method for request in self.requests)

    async def _handle(self, request: HttpRequest, connection: Connection) -> None:
        asked = self._read(request)
        self.requests.append(asked)
        fault = self._faults[0] if self._faults else None
        if fault is None or fault.method != asked.method:
            await self._send(self.reply(asked), connection)
            return
        self._faults.popleft()
        if fault.reply is not None:
            await self._send(fault.reply, connection)
            return
        self.reply(asked)
        fault.done.set()
        if fault.silent:
            # Until this server closes.
            await asyncio.Event().wait()
        connection.reset()

    def _read(self, received: HttpRequest) -> ApiRequest:
        parts = urlsplit(received.path)
        body = json.loads(received.body) if received.body else None
        if body is not None and received.headers.get("content-type") != "application/json":
            self.problems.append(f"{received.path}: a body that is not called JSON")
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return ApiRequest(received.method, parts.path, query, received.headers, body)

    async def _send(self, reply: ApiReply, connection: Connection) -> None:
        if isinstance(reply.data, str):
            await connection.send(reply.status, reply.data.encode(), dict(reply.headers))
        else:
            await connection.send_json(reply.status, reply.data, dict(reply.headers))
