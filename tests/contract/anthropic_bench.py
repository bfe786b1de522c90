"""The bench of `anthropic`: its runtime on a strict fake of the Claude API."""

from typing import Any

from activities.providers.tool_names import ToolNames
from rota.failures import FailureCategory
from rota.runtime_specs.anthropic import KIND
from tests.contract.bench import Tokens
from tests.contract.fake_bench import FakeBench
from tests.fakes.anthropic_answers import Answer, Cut, Failure, Response
from tests.fakes.anthropic_server import AnthropicFake

KEY = "sk-ant-bench-0123456789"
MODEL = "claude-haiku-4-5"
TOKENS = Tokens()

_FAILURES: dict[FailureCategory, Response] = {
    FailureCategory.TRANSIENT: Failure(500),
    FailureCategory.RATE_LIMITED: Failure(429, "rate_limit_error", "Too many requests"),
    FailureCategory.OVERLOADED: Failure(529, "overloaded_error", "Overloaded"),
    FailureCategory.TIMEOUT: Failure(504, "timeout_error", "Gateway timeout"),
    FailureCategory.AUTH: Failure(401, "authentication_error", "invalid x-api-key"),
    FailureCategory.QUOTA: Failure(402, "billing_error", "Payment required"),
    FailureCategory.INVALID_REQUEST: Failure(400, "invalid_request_error", "max_tokens: no"),
    FailureCategory.CONTEXT_OVERFLOW: Failure(
        400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"
    ),
    FailureCategory.REFUSED: Answer((), "refusal"),
}


class AnthropicBench(FakeBench[AnthropicFake]):
    kind = KIND

    def __init__(self) -> None:
        super().__init__(AnthropicFake(api_key=KEY))

    @property
    def environment(self) -> dict[str, str]:
        return {"ROTA_BENCH_ANTHROPIC_KEY": KEY}

    def settings(self, **more: Any) -> dict[str, Any]:
        return {
            "kind": "anthropic",
            "model": MODEL,
            "base_url": self.fake.url,
            "api_key": "env:ROTA_BENCH_ANTHROPIC_KEY",
            "timeout": "20s",
            **more,
        }

    def answer(self, text: str, tokens: Tokens = TOKENS, *, seconds: float = 0.0) -> None:
        self.fake.say(text, usage=_usage(tokens), first_byte_after=seconds)

    def call_tool(self, name: str, args: dict[str, Any], tokens: Tokens = TOKENS) -> None:
        self.fake.call_tool(ToolNames((name,)).to_wire(name), args, usage=_usage(tokens))

    def fail(self, category: FailureCategory, *, retry_after: float | None = None) -> bool:
        response = _FAILURES.get(category)
        if response is None:
            return False
        if isinstance(response, Failure) and retry_after is not None:
            headers = {"retry-after": str(retry_after)}
            response = Failure(response.status, response.type, response.message, headers)
        self.fake.add(response)
        return True

    def cut(self) -> bool:
        self.fake.say("An answer that is never whole.", fault=Cut(4, "drop"))
        return True

    def hang(self) -> None:
        self.fake.say("An answer that never comes.", fault=Cut(1, "silence"))

    def trickle(self, text: str, *, pause: float, pieces: int) -> bool:
        self.fake.say(text.ljust(pieces), usage=_usage(TOKENS), between_events=pause)
        return True

    def release(self) -> None:
        self.fake.release()

    def expect_refusals(self) -> None:
        self.fake.expect_invalid = True

    @property
    def starts(self) -> int:
        return self.fake.billed

    @property
    def results(self) -> list[str]:
        given = {
            block["tool_use_id"]: block["content"]
            for request in self.fake.requests
            for message in request.body["messages"]
            for block in message["content"]
            if block["type"] == "tool_result"
        }
        return list(given.values())

    def cost_micros(self, tokens: Tokens) -> int | None:
        return tokens.input * 1 + tokens.output * 5  # dollars a million


def _usage(tokens: Tokens) -> dict[str, int]:
    return {"input_tokens": tokens.input, "output_tokens": tokens.output}
