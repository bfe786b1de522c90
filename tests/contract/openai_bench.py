"""The bench of `openai`: its runtime on a strict fake of a chat completions server."""

from typing import Any

from activities.providers.tool_names import ToolNames
from rota.failures import FailureCategory
from rota.runtime_specs.openai import KIND
from tests.contract.bench import Tokens
from tests.contract.fake_bench import FakeBench
from tests.fakes.openai_answers import Answer, Cut, Failure, Response
from tests.fakes.openai_server import OpenAIFake

KEY = "sk-bench-0123456789"
MODEL = "gpt-4o-mini"
TOKENS = Tokens()

_FAILURES: dict[FailureCategory, Response] = {
    FailureCategory.TRANSIENT: Failure(500),
    FailureCategory.RATE_LIMITED: Failure(429, "rate_limit_exceeded", "Rate limit reached"),
    FailureCategory.OVERLOADED: Failure(503, None, "The engine is currently overloaded"),
    FailureCategory.TIMEOUT: Failure(504, None, "Gateway timeout"),
    FailureCategory.AUTH: Failure(401, "invalid_api_key", "Incorrect API key provided"),
    FailureCategory.QUOTA: Failure(429, "insufficient_quota", "You exceeded your current quota"),
    FailureCategory.INVALID_REQUEST: Failure(400, "unsupported_value", "Unsupported value"),
    FailureCategory.CONTEXT_OVERFLOW: Failure(400, "context_length_exceeded", "Too long"),
    FailureCategory.REFUSED: Answer(None, more={"refusal": "I cannot help with that."}),
}


class OpenAIBench(FakeBench[OpenAIFake]):
    kind = KIND

    def __init__(self) -> None:
        super().__init__(OpenAIFake(api_key=KEY))

    @property
    def environment(self) -> dict[str, str]:
        return {"ROTA_BENCH_OPENAI_KEY": KEY}

    def settings(self, **more: Any) -> dict[str, Any]:
        return {
            "kind": "openai",
            "model": MODEL,
            "base_url": self.fake.url,
            "api_key": "env:ROTA_BENCH_OPENAI_KEY",
            "price_as": "openai",
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
            response = Failure(
                response.status, response.code, response.message, response.type, headers
            )
        self.fake.add(response)
        return True

    def cut(self) -> bool:
        self.fake.say("An answer that is never whole.", fault=Cut(3, "drop"))
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
            message["tool_call_id"]: message["content"]
            for request in self.fake.requests
            for message in request.body["messages"]
            if message["role"] == "tool"
        }
        return list(given.values())

    def cost_micros(self, tokens: Tokens) -> int | None:
        # 0.15 and 0.60 dollars a million, rounded up to whole micro-dollars.
        return -(-(tokens.input * 15 + tokens.output * 60) // 100)


def _usage(tokens: Tokens) -> dict[str, Any]:
    return {
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.input + tokens.output,
    }
