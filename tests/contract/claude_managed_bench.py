"""The bench of `claude-managed`: sessions and events of the strict fake."""

from typing import Any

from rota.failures import FailureCategory
from rota.runtime_specs.claude_managed import KIND
from tests.contract.bench import Tokens
from tests.contract.fake_bench import FakeBench
from tests.fakes.managed_server import AGENT, ENVIRONMENT, KEY, Fault, ManagedFake
from tests.fakes.managed_turns import Turn

C = FailureCategory
TOKENS = Tokens()
CENT = 10_000

REQUESTS = {
    C.TRANSIENT: (500, "api_error"),
    C.RATE_LIMITED: (429, "rate_limit_error"),
    C.OVERLOADED: (529, "overloaded_error"),
    C.TIMEOUT: (504, "timeout_error"),
    C.AUTH: (401, "authentication_error"),
    C.QUOTA: (402, "billing_error"),
    C.INVALID_REQUEST: (400, "invalid_request_error"),
    C.CONTEXT_OVERFLOW: (413, "request_too_large"),
}
"""Categories that the answer to a request says."""
TURNS = {
    C.REFUSED: Turn(stop="refusal"),
    C.LIMIT_REACHED: Turn(stop="budget_reached"),
    C.TOOL_FAILED: Turn(
        error=("mcp_connection_failed_error", "exhausted"), stop="retries_exhausted"
    ),
}
"""Categories that the end of a session says."""


class ClaudeManagedBench(FakeBench[ManagedFake]):
    kind = KIND

    def __init__(self) -> None:
        super().__init__(ManagedFake())

    @property
    def environment(self) -> dict[str, str]:
        return {"ROTA_MANAGED_KEY": KEY}

    def settings(self, **more: Any) -> dict[str, Any]:
        return {
            "kind": "claude-managed",
            "agent": AGENT,
            "environment": ENVIRONMENT,
            "base_url": self.fake.url,
            "api_key": "env:ROTA_MANAGED_KEY",
            "poll": "50ms",
            **more,
        }

    def answer(self, text: str, tokens: Tokens = TOKENS, *, seconds: float = 0.0) -> None:
        self.fake.add(Turn(says=(text,), seconds=seconds, input=tokens.input, output=tokens.output))

    def call_tool(self, name: str, args: dict[str, Any], tokens: Tokens = TOKENS) -> None:
        wire = name.replace(".", "__")
        self.fake.add(Turn(calls=((wire, args),), input=tokens.input, output=tokens.output))

    def fail(self, category: FailureCategory, *, retry_after: float | None = None) -> bool:
        if category in TURNS:
            self.fake.add(TURNS[category])
            return True
        if category not in REQUESTS:
            return False
        headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
        # Not of the look at the service before the run.
        self.fake.fail(Fault(*REQUESTS[category], headers, fits="POST"))
        return True

    def cut(self) -> bool:
        # Of the creation, of being told, and of a look: none is to be made twice.
        for fits in ("POST", "POST /v1/sessions/", "GET /v1/sessions"):
            self.fake.fail(Fault(works=True, fits=fits))
        return True

    def hang(self) -> None:
        self.fake.add(Turn(says=("late",), hang=True))

    def trickle(self, text: str, *, pause: float, pieces: int) -> bool:
        self.fake.add(Turn(says=(text,), thinks=pieces, pause=pause))
        return True

    def release(self) -> None:
        self.fake.release()

    def lose(self) -> bool:
        return self.fake.lose()

    def expect_refusals(self) -> None:
        self.fake.expect_refusals = True

    @property
    def starts(self) -> int:
        # Keys: a session that goes on is told several tasks, and repairs are none.
        return sum(len(set(session.told)) for session in self.fake.created)

    @property
    def stops(self) -> int:
        # An interrupt for a session at work; one that waits is closed without.
        return sum(
            session.interrupts > 0 or session.archived_at is not None
            for session in self.fake.created
            if session.told
        )

    @property
    def results(self) -> list[str]:
        return [
            "\n".join(block["text"] for block in event.get("content", []))
            for session in self.fake.created
            for event in session.events
            if event["type"] == "user.custom_tool_result"
        ]

    def cost_micros(self, tokens: Tokens) -> int | None:
        return (tokens.input * 1 + tokens.output * 5) * CENT
