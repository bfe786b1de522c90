"""A strict fake of OpenAI's chat completions on a real socket.

Refuses what OpenAI refuses, streams in OpenAI's events, and can fail in every way a server
or a network can. What a test did not script, and what it sent wrong, fails the test when
the fake is closed.
"""

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from tests.fakes.loopback_fake import BillingFake
from tests.fakes.loopback_http import Connection, HttpRequest
from tests.fakes.openai_answers import Answer, Failure, Response
from tests.fakes.openai_delivery import deliver
from tests.fakes.openai_rules import first_problem

Responder = Callable[[dict[str, Any]], Response]


@dataclass
class Recorded:
    """One request for a completion."""

    body: Any
    headers: dict[str, str]
    billed: bool = False
    """True if the model did its work, whether or not anybody got the answer."""


class OpenAIFake(BillingFake[Recorded]):
    """Answers chat completions from a script or a function, and lists its models.

    Args:
        responder: Called with the request's JSON when the script is empty.
        api_key: The only key accepted; None: none is asked for.
        models: What `GET /v1/models` lists; None: that is not found.
        own: Keys beyond OpenAI's that this server knows.
        streams: Whether it can; if not, a request for a stream is refused.
        expect_invalid: Refused requests are what the test is about.
    """

    part = "the fake completions server"

    def __init__(
        self,
        responder: Responder | None = None,
        *,
        api_key: str | None = None,
        models: tuple[str, ...] | None = (),
        own: set[str] | None = None,
        streams: bool = True,
        expect_invalid: bool = False,
    ) -> None:
        super().__init__()
        self.expect_invalid = expect_invalid
        self.models = models
        self._responder = responder
        self._api_key = api_key
        self._own = own or set()
        self._streams = streams
        self._script: deque[Response] = deque()
        self._call_ids = count(1)

    # -- the script ---------------------------------------------------------------------

    def add(self, *responses: Response) -> None:
        """Append to the script."""
        self._script.extend(responses)

    def respond_with(self, responder: Responder) -> None:
        """Answer by this function whenever the script is empty."""
        self._responder = responder

    def say(self, words: str, **details: Any) -> None:
        """Script an answer of one text; further arguments as `Answer` takes them."""
        self.add(Answer(words, **details))

    def call_tool(self, name: str, args: Any, **details: Any) -> None:
        """Script one tool call, named as on the wire."""
        self.call_tools((name, args), **details)

    def call_tools(self, *calls: tuple[str, Any], **details: Any) -> None:
        """Script parallel tool calls; arguments that are text are sent as they are."""
        made = tuple(self.tool_call(*call) for call in calls)
        more: dict[str, Any] = {"finish": "tool_calls", **details}
        self.add(Answer(None, made, **more))

    def tool_call(self, name: str, args: Any) -> dict[str, Any]:
        """Build a tool call with an id no other one has."""
        text = args if isinstance(args, str) else json.dumps(args)
        function = {"name": name, "arguments": text}
        return {"id": f"call_{next(self._call_ids):024d}", "type": "function", "function": function}

    def fail(self, status: int, code: str | None = None, **details: Any) -> None:
        """Script an error status; further arguments as `Failure` takes them."""
        self.add(Failure(status, code, **details))

    @property
    def url(self) -> str:
        """What to give as `base_url`."""
        return f"{super().url}/v1"

    # -- on the server's thread ---------------------------------------------------------

    async def _handle(self, request: HttpRequest, connection: Connection) -> None:
        if (request.method, request.path) == ("GET", "/v1/models"):
            await self._list_models(request, connection)
            return
        recorded = Recorded(request.json, request.headers)
        response = self._refusal(request, recorded.body) or self._next_response(recorded.body)
        recorded.billed = isinstance(response, Answer)
        number = self._record(recorded)
        await deliver(response, recorded.body, connection, number=number, released=self._released)

    async def _list_models(self, request: HttpRequest, connection: Connection) -> None:
        refusal = self._unauthorized(request)
        if refusal is None and self.models is None:
            refusal = Failure(404, None, "Not Found")
        if refusal is not None:
            await connection.send_json(refusal.status, refusal.body, {})
            return
        data = [{"id": name, "object": "model", "owned_by": "fake"} for name in self.models or ()]
        await connection.send_json(200, {"object": "list", "data": data}, {})

    def _unauthorized(self, request: HttpRequest) -> Failure | None:
        given = request.headers.get("authorization", "")
        if self._api_key is None or given == f"Bearer {self._api_key}":
            return None
        message = "Incorrect API key provided."
        return Failure(401, "invalid_api_key", message, "invalid_request_error")

    def _refusal(self, request: HttpRequest, body: Any) -> Failure | None:
        refusal = self._unauthorized(request)
        if (request.method, request.path) != ("POST", "/v1/chat/completions"):
            refusal = Failure(404, None, f"Invalid URL ({request.method} {request.path})")
        elif refusal is None and (problem := first_problem(body, self._own)):
            refusal = Failure(400, None, problem, "invalid_request_error")
        elif refusal is None and body.get("stream") and not self._streams:
            refusal = Failure(400, "unsupported_value", "stream is not supported")
        if refusal is not None and not self.expect_invalid:
            self.problems.append(f"refused a request: {refusal.message}")
        return refusal

    def _next_response(self, body: dict[str, Any]) -> Response:
        if self._script:
            return self._script.popleft()
        if self._responder is not None:
            return self._responder(body)
        problem = f"request {len(self.requests) + 1} found the script empty"
        if not self.expect_invalid:
            self.problems.append(problem)
        return Failure(500, None, f"{problem}; script one more answer")
