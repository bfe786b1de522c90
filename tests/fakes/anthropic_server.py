"""A strict fake of the Claude API on a real socket.

It refuses what the API refuses, streams what the API streams, fails as the API and the
network fail, and remembers every request. It is loud: a request that no answer was
scripted for, and a refused one nobody expected, fail the test when the fake closes.

    async with AnthropicFake() as fake:
        fake.call_tool("ledger__match", {"account": "A"})
        fake.say("All matched.")
        ...  # point the runtime's base_url at fake.url
        assert len(fake.requests) == 2

It runs on a thread of its own, so worker processes reach it as well as the test does;
every method may be called from any thread.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from tests.fakes.anthropic_answers import Answer, Failure, Response, text
from tests.fakes.anthropic_cache import PromptCache
from tests.fakes.anthropic_delivery import canonical, deliver
from tests.fakes.anthropic_rules import MAX_BODY_BYTES, first_problem
from tests.fakes.loopback_fake import BillingFake
from tests.fakes.loopback_http import Connection, HttpRequest

MODELS = "/v1/models/"

Responder = Callable[[dict[str, Any]], Response]


@dataclass
class Recorded:
    """One request the fake received."""

    body: Any
    """The parsed JSON, or None if it was none."""
    headers: dict[str, str]
    billed: bool = False
    """True if the model did its work, whether or not anybody got the answer."""


class AnthropicFake(BillingFake[Recorded]):
    """Answers Messages requests from a script or a function.

    Args:
        responder: Called with the request's JSON when the script is empty.
        api_key: The only key accepted; None accepts any.
        context_tokens: Longest prompt accepted, at four characters a token.
        caching: Count what a marked prefix writes and reads; else nothing is cached.
        expect_invalid: Refused requests are what the test is about.
    """

    part = "the fake Claude API"

    def __init__(
        self,
        responder: Responder | None = None,
        *,
        api_key: str | None = None,
        context_tokens: int | None = None,
        caching: bool = False,
        expect_invalid: bool = False,
    ) -> None:
        super().__init__()
        self.models: tuple[str, ...] | None = None
        """Models that can be looked up; None: any."""
        self._responder = responder
        self._api_key = api_key
        self._context_tokens = context_tokens
        self._cache = PromptCache() if caching else None
        self.expect_invalid = expect_invalid
        self._script: deque[Response] = deque()
        self._issued: set[str] = set()
        self._call_ids = count(1)

    # -- the script ---------------------------------------------------------------------

    def add(self, *responses: Response) -> None:
        """Append to the script."""
        self._script.extend(responses)

    def respond_with(self, responder: Responder) -> None:
        """Answer by this function whenever the script is empty."""
        self._responder = responder

    def say(self, words: str, *, stop: str = "end_turn", **details: Any) -> None:
        """Script an answer of one text; further arguments as `Answer` takes them."""
        self.add(Answer((text(words),), stop, **details))

    def call_tool(self, name: str, args: dict[str, Any], **details: Any) -> None:
        """Script one tool call, named as on the wire."""
        self.call_tools((name, args), **details)

    def call_tools(self, *calls: tuple[str, dict[str, Any]], **details: Any) -> None:
        """Script parallel tool calls."""
        self.add(Answer(tuple(self.tool_use(*call) for call in calls), "tool_use", **details))

    def tool_use(
        self, name: str, args: dict[str, Any], call_id: str | None = None
    ) -> dict[str, Any]:
        """Build a tool call with an id no other one has."""
        call_id = call_id or f"toolu_{next(self._call_ids):024d}"
        return {"type": "tool_use", "id": call_id, "name": name, "input": args}

    def fail(self, status: int, type: str = "api_error", **details: Any) -> None:
        """Script an error status; further arguments as `Failure` takes them."""
        self.add(Failure(status, type, **details))

    # -- on the server's thread ---------------------------------------------------------

    async def _handle(self, request: HttpRequest, connection: Connection) -> None:
        if request.method == "GET" and request.path.startswith(MODELS):
            await self._tell_model(request, connection)
            return
        recorded = Recorded(request.json, request.headers)
        response = self._refusal(request, recorded.body) or self._next_response(recorded.body)
        recorded.billed = isinstance(response, Answer)
        number = self._record(recorded)
        if isinstance(response, Answer):
            if self._cache is not None:
                counted = self._cache.count(recorded.body)
                response = replace(response, usage={**counted, **response.usage})
            self._issued.update(canonical(block) for block in response.blocks)
            if response.stop == "pause_turn":
                self._issued.add(canonical({"paused": list(response.blocks)}))
        await deliver(response, recorded.body, connection, number=number, released=self._released)

    async def _tell_model(self, request: HttpRequest, connection: Connection) -> None:
        name = request.path.removeprefix(MODELS)
        refusal = self._unauthorized(request)
        if refusal is None and self.models is not None and name not in self.models:
            refusal = Failure(404, "not_found_error", f"model: {name}")
        if refusal is not None:
            await connection.send_json(refusal.status, refusal.body, {})
            return
        found = {
            "type": "model",
            "id": name,
            "display_name": name,
            "created_at": "2026-01-01T00:00:00Z",
        }
        await connection.send_json(200, found, {})

    def _unauthorized(self, request: HttpRequest) -> Failure | None:
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        key = request.headers.get("x-api-key") or bearer
        if not key or (self._api_key is not None and key != self._api_key):
            return Failure(401, "authentication_error", "invalid x-api-key")
        return None

    def _refusal(self, request: HttpRequest, body: Any) -> Failure | None:
        refusal = self._first_refusal(request, body)
        if refusal is not None and not self.expect_invalid:
            self.problems.append(f"refused a request: {refusal.message}")
        return refusal

    def _first_refusal(self, request: HttpRequest, body: Any) -> Failure | None:
        if (request.method, request.path) != ("POST", "/v1/messages"):
            return Failure(404, "not_found_error", f"{request.method} {request.path} not found")
        if unauthorized := self._unauthorized(request):
            return unauthorized
        if "anthropic-version" not in request.headers:
            return _invalid("anthropic-version: header is required")
        if len(request.body) > MAX_BODY_BYTES:
            return Failure(413, "request_too_large", "Request exceeds the maximum size")
        problem = first_problem(body, lambda block: canonical(block) in self._issued)
        if problem is not None:
            return _invalid(problem)
        tokens = len(request.body) // 4
        if self._context_tokens is not None and tokens > self._context_tokens:
            return _invalid(f"prompt is too long: {tokens} tokens > {self._context_tokens} maximum")
        return None

    def _next_response(self, body: dict[str, Any]) -> Response:
        if self._script:
            return self._script.popleft()
        if self._responder is not None:
            return self._responder(body)
        problem = f"request {len(self.requests) + 1} found the script empty"
        if not self.expect_invalid:
            self.problems.append(problem)
        return Failure(500, "api_error", f"{problem}; script one more answer")


def _invalid(message: str) -> Failure:
    return Failure(400, "invalid_request_error", message)
