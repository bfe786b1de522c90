"""The bench of `cursor`: agents and runs of the strict fake."""

from typing import Any

from rota.failures import FailureCategory
from rota.runtime_specs.cursor import KIND
from tests.contract.bench import Tokens
from tests.contract.fake_bench import FakeBench
from tests.fakes.cursor_jobs import Fault, Job
from tests.fakes.cursor_server import KEY, CursorFake

C = FailureCategory
TOKENS = Tokens()

REQUESTS = {
    C.TRANSIENT: (500, "internal"),
    C.RATE_LIMITED: (429, "rate_limited"),
    C.OVERLOADED: (503, "unavailable"),
    C.TIMEOUT: (504, "gateway_timeout"),
    C.AUTH: (401, "unauthorized"),
    C.QUOTA: (402, "payment_required"),
    C.INVALID_REQUEST: (400, "invalid_request"),
}
"""Categories that the answer to a request says."""
JOBS = {
    C.TOOL_FAILED: Job(status="ERROR", error="the build broke"),
    C.OUTCOME_UNKNOWN: Job(status="EXPIRED"),
}
"""Categories that the end of a run says."""


class CursorBench(FakeBench[CursorFake]):
    kind = KIND

    def __init__(self) -> None:
        super().__init__(CursorFake())

    @property
    def environment(self) -> dict[str, str]:
        return {"ROTA_CURSOR_KEY": KEY}

    def settings(self, **more: Any) -> dict[str, Any]:
        return {
            "kind": "cursor",
            "repos": [{"url": "https://github.com/acme/books"}],
            "base_url": self.fake.url,
            "api_key": "env:ROTA_CURSOR_KEY",
            "poll": "50ms",
            **more,
        }

    def answer(self, text: str, tokens: Tokens = TOKENS, *, seconds: float = 0.0) -> None:
        self.fake.add(Job(text, seconds, input=tokens.input, output=tokens.output))

    def call_tool(self, name: str, args: dict[str, Any], tokens: Tokens = TOKENS) -> None:
        raise AssertionError("a Cursor agent calls no tools of Rota's")

    def fail(self, category: FailureCategory, *, retry_after: float | None = None) -> bool:
        if category in JOBS:
            self.fake.add(JOBS[category])
            return True
        if category not in REQUESTS:
            return False
        headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
        # Not of the look at the service before the run.
        self.fake.fail(Fault(*REQUESTS[category], headers, fits="POST"))
        return True

    def cut(self) -> bool:
        # Of the start, which is not to be made twice, and of a look.
        for fits in ("POST", "/runs/"):
            self.fake.fail(Fault(works=True, fits=fits))
        return True

    def hang(self) -> None:
        self.fake.add(Job("late", hang=True))

    def trickle(self, text: str, *, pause: float, pieces: int) -> bool:
        return False  # it tells its status and nothing else

    def release(self) -> None:
        self.fake.release()

    def lose(self) -> bool:
        return self.fake.lose()

    def expect_refusals(self) -> None:
        self.fake.expect_refusals = True

    @property
    def starts(self) -> int:
        return len(self.fake.begun)

    @property
    def stops(self) -> int:
        return self.fake.cancels

    def cost_micros(self, tokens: Tokens) -> int | None:
        # 0.03 and 0.15 cents a token.
        return tokens.input * 300 + tokens.output * 1500
