"""The benches of `agentcore`: an agent of one's own, and AgentCore's harness."""

import json
from typing import Any

from activities.providers.tool_names import ToolNames
from rota.failures import FailureCategory
from rota.runtime_specs.agentcore import KIND
from tests.contract.bedrock_bench import patient, usage
from tests.contract.bench import Tokens
from tests.contract.fake_bench import FakeBench
from tests.fakes.aws_agentcore import HARNESS, RUNTIME, AgentCoreFake, Loop, Round, said
from tests.fakes.aws_answers import Failure, Pieces, Response, Whole, json_answer
from tests.fakes.aws_server import ENVIRONMENT

C = FailureCategory
MODEL = "global.anthropic.claude-haiku-4-5-20251001-v1:0"
TOKENS = Tokens()
EVENTS = {"content-type": "text/event-stream"}
INPUT_MICROS, OUTPUT_MICROS = 3, 7

FAILURES: dict[FailureCategory, Response] = {
    C.TRANSIENT: Failure(409, "RetryableConflictException"),
    C.RATE_LIMITED: Failure(429, "ThrottlingException"),
    C.OVERLOADED: Failure(503, "ServiceUnavailableException"),
    C.AUTH: Failure(403, "AccessDeniedException"),
    C.QUOTA: Failure(402, "ServiceQuotaExceededException"),
    C.INVALID_REQUEST: Failure(400, "ValidationException"),
    C.TOOL_FAILED: Failure(424, "RuntimeClientError"),
}
"""What both modes say alike."""
OF_RUNTIME: dict[FailureCategory, Response] = {C.OUTCOME_INVALID: Whole(b'""')}
OF_HARNESS: dict[FailureCategory, Response] = {
    C.CONTEXT_OVERFLOW: said("…", "model_context_window_exceeded"),
    C.REFUSED: said("No.", "content_filtered"),
    C.LIMIT_REACHED: said("…", "max_iterations_exceeded"),
    C.OUTCOME_INVALID: said("…", "partial_turn"),
}


class AgentCoreBench(FakeBench[AgentCoreFake]):
    """An agent of one's own, which tells what it used and what that cost."""

    kind = KIND
    operation = "InvokeAgentRuntime"
    failures = FAILURES | OF_RUNTIME

    def __init__(self) -> None:
        super().__init__(AgentCoreFake())

    @property
    def environment(self) -> dict[str, str]:
        return ENVIRONMENT

    def settings(self, **more: Any) -> dict[str, Any]:
        paths = {
            "result": "text",
            "input_tokens": "in",
            "output_tokens": "out",
            "cost_usd": "usd",
        }
        block = {"kind": "agentcore", "arn": RUNTIME, "endpoint_url": self.fake.url}
        return {**block, "answer": paths, **more}

    def answer(self, text: str, tokens: Tokens = TOKENS, *, seconds: float = 0.0) -> None:
        self.fake.add(self.operation, json_answer(self._document(text, tokens), after=seconds))

    def call_tool(self, name: str, args: dict[str, Any], tokens: Tokens = TOKENS) -> None:
        raise AssertionError("an agent on AgentCore Runtime calls no tools of Rota's")

    def fail(self, category: FailureCategory, *, retry_after: float | None = None) -> bool:
        if category not in self.failures:
            return False
        self.fake.add(self.operation, patient(self.failures[category], retry_after))
        return True

    def cut(self) -> bool:
        self.fake.add(self.operation, Whole(b'{"text": "An answ'))
        return True

    def hang(self) -> None:
        self.fake.stream('"…"', cut=1, how="silence")

    def trickle(self, text: str, *, pause: float, pieces: int) -> bool:
        document = json.dumps(self._document(text, TOKENS)).encode()
        size = -(-len(document) // pieces)
        parts = tuple(document[start : start + size] for start in range(0, len(document), size))
        json_type = {"content-type": "application/json"}
        self.fake.add(self.operation, Pieces(parts, json_type, between=pause))
        return True

    def release(self) -> None:
        self.fake.release()

    def expect_refusals(self) -> None:
        self.fake.expect_invalid = True

    @property
    def starts(self) -> int:
        return sum(call.billed for call in self.fake.calls(self.operation))

    @property
    def stops(self) -> int:
        return len(self.fake.stopped)

    def cost_micros(self, tokens: Tokens) -> int | None:
        return tokens.input * INPUT_MICROS + tokens.output * OUTPUT_MICROS

    @property
    def tells_usage(self) -> bool:
        return True  # by the paths in `settings`

    def _document(self, text: str, tokens: Tokens) -> dict[str, Any]:
        usd = (tokens.input * INPUT_MICROS + tokens.output * OUTPUT_MICROS) / 1_000_000
        return {"text": text, "in": tokens.input, "out": tokens.output, "usd": usd}


class AgentCoreHarnessBench(AgentCoreBench):
    """AgentCore's own loop."""

    operation = "InvokeHarness"
    failures = FAILURES | OF_HARNESS

    def settings(self, **more: Any) -> dict[str, Any]:
        return {
            "kind": "agentcore",
            "mode": "harness",
            "arn": HARNESS,
            "runtime_arn": RUNTIME,
            "model": MODEL,
            "endpoint_url": self.fake.url,
            **more,
        }

    def answer(self, text: str, tokens: Tokens = TOKENS, *, seconds: float = 0.0) -> None:
        self.fake.harness(said(text, usage=usage(tokens), after=seconds))

    def call_tool(self, name: str, args: dict[str, Any], tokens: Tokens = TOKENS) -> None:
        call = self.fake.tool_use(ToolNames((name,)).to_wire(name), args)
        self.fake.harness(Loop((Round((call,), "tool_use"),), usage(tokens)))

    def cut(self) -> bool:
        self.fake.harness(said("An answer that is never whole.", cut=3))
        return True

    def hang(self) -> None:
        self.fake.harness(said("An answer that never comes.", cut=1, how="silence"))

    def trickle(self, text: str, *, pause: float, pieces: int) -> bool:
        self.fake.harness(said(text.ljust(12 * pieces), between=pause))
        return True

    @property
    def results(self) -> list[str]:
        return [
            block["toolResult"]["content"][0]["text"]
            for call in self.fake.calls(self.operation)
            for message in call.params["messages"]
            for block in message["content"]
            if "toolResult" in block
        ]

    def cost_micros(self, tokens: Tokens) -> int | None:
        return tokens.input * 1 + tokens.output * 5  # dollars a million
