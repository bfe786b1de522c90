"""The benches of `bedrock`: ConverseStream, and Converse."""

from typing import Any

from activities.providers.tool_names import ToolNames
from rota.failures import FailureCategory
from rota.runtime_specs.bedrock import KIND
from tests.contract.bench import Tokens
from tests.contract.fake_bench import FakeBench
from tests.fakes.aws_answers import Failure, Hang, Pieces, Response
from tests.fakes.aws_converse import Converse, ConverseFake
from tests.fakes.aws_server import ENVIRONMENT

C = FailureCategory
MODEL = "global.anthropic.claude-haiku-4-5-20251001-v1:0"
TOKENS = Tokens()
WORDS = ({"text": "An answer that is never whole."},)

FAILURES: dict[FailureCategory, Response] = {
    C.TRANSIENT: Failure(500, "InternalServerException"),
    C.RATE_LIMITED: Failure(429, "ThrottlingException", "Too many requests"),
    C.OVERLOADED: Failure(503, "ServiceUnavailableException"),
    C.TIMEOUT: Failure(408, "ModelTimeoutException"),
    C.AUTH: Failure(403, "AccessDeniedException"),
    C.QUOTA: Failure(429, "ThrottlingException", "Too many tokens per day"),
    C.INVALID_REQUEST: Failure(400, "ValidationException", "temperature: no"),
    C.CONTEXT_OVERFLOW: Failure(400, "ValidationException", "Input is too long."),
    C.REFUSED: Converse(({"text": "No."},), "guardrail_intervened"),
    C.OUTCOME_INVALID: Converse(()),
}


class BedrockBench(FakeBench[ConverseFake]):
    """Streamed, as declared by default."""

    kind = KIND

    def __init__(self) -> None:
        super().__init__(ConverseFake())

    @property
    def environment(self) -> dict[str, str]:
        return ENVIRONMENT

    def settings(self, **more: Any) -> dict[str, Any]:
        return {
            "kind": "bedrock",
            "model": MODEL,
            "endpoint_url": self.fake.url,
            "timeout": "20s",
            **more,
        }

    def answer(self, text: str, tokens: Tokens = TOKENS, *, seconds: float = 0.0) -> None:
        self.fake.say(text, usage=usage(tokens), after=seconds)

    def call_tool(self, name: str, args: dict[str, Any], tokens: Tokens = TOKENS) -> None:
        self.fake.call_tool(ToolNames((name,)).to_wire(name), args, usage=usage(tokens))

    def fail(self, category: FailureCategory, *, retry_after: float | None = None) -> bool:
        response = FAILURES.get(category)
        if response is None:
            return False
        self.fake.respond(patient(response, retry_after))
        return True

    def cut(self) -> bool:
        self.fake.respond(Converse(WORDS, cut=3))
        return True

    def hang(self) -> None:
        self.fake.respond(Converse(WORDS, cut=1, how="silence"))

    def trickle(self, text: str, *, pause: float, pieces: int) -> bool:
        self.fake.say(text, between=pause, piece=-(-len(text) // pieces))
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
            block["toolResult"]["toolUseId"]: block["toolResult"]["content"][0]["text"]
            for request in self.fake.requests
            for message in request.params["messages"]
            for block in message["content"]
            if "toolResult" in block
        }
        return list(given.values())

    def cost_micros(self, tokens: Tokens) -> int | None:
        return tokens.input * 1 + tokens.output * 5  # dollars a million


class BedrockWholeBench(BedrockBench):
    """Answers in one piece."""

    def settings(self, **more: Any) -> dict[str, Any]:
        return super().settings(stream=False, **more)

    def cut(self) -> bool:
        self.fake.respond(Pieces((b'{"output": ',), {"content-type": "application/json"}, cut=1,
                                 how="drop"))  # fmt: skip
        return True

    def hang(self) -> None:
        self.fake.respond(Hang(billed=True))

    def trickle(self, text: str, *, pause: float, pieces: int) -> bool:
        return False


def usage(tokens: Tokens) -> dict[str, int]:
    """Counts, in AWS's words."""
    total = tokens.input + tokens.output
    return {"inputTokens": tokens.input, "outputTokens": tokens.output, "totalTokens": total}


def patient(response: Response, retry_after: float | None) -> Response:
    """A failure that names a time."""
    if retry_after is None or not isinstance(response, Failure):
        return response
    headers = {"retry-after": str(retry_after)}
    return Failure(response.status, response.code, response.message, headers)
