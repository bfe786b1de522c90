"""The bench of `bedrock-agent`: an agent of Bedrock Agents Classic."""

import math
from typing import Any

from activities.providers.tool_names import ToolNames
from rota.failures import FailureCategory
from rota.runtime_specs.bedrock_agent import KIND
from tests.contract.bedrock_bench import patient
from tests.contract.bench import Tokens
from tests.contract.fake_bench import FakeBench
from tests.fakes.aws_agents import AGENT, ALIAS, AgentsFake, ReturnControl, Turn, function
from tests.fakes.aws_answers import Failure, Response
from tests.fakes.aws_server import ENVIRONMENT

C = FailureCategory
TOKENS = Tokens()

FAILURES: dict[FailureCategory, Response] = {
    C.TRANSIENT: Failure(409, "ConflictException"),
    C.RATE_LIMITED: Failure(429, "ThrottlingException"),
    C.OVERLOADED: Failure(424, "ModelNotReadyException"),
    C.AUTH: Failure(403, "AccessDeniedException"),
    C.QUOTA: Failure(400, "ServiceQuotaExceededException"),
    C.INVALID_REQUEST: Failure(400, "ValidationException"),
    C.TOOL_FAILED: Failure(424, "DependencyFailedException"),
    C.OUTCOME_INVALID: Turn(" "),
}


class BedrockAgentBench(FakeBench[AgentsFake]):
    kind = KIND

    def __init__(self) -> None:
        super().__init__(AgentsFake())

    @property
    def environment(self) -> dict[str, str]:
        return ENVIRONMENT

    def settings(self, **more: Any) -> dict[str, Any]:
        return {
            "kind": "bedrock-agent",
            "agent_id": AGENT,
            "alias_id": ALIAS,
            "endpoint_url": self.fake.url,
            **more,
        }

    def answer(self, text: str, tokens: Tokens = TOKENS, *, seconds: float = 0.0) -> None:
        self.fake.agent(Turn(text, usages=((tokens.input, tokens.output),), after=seconds))

    def call_tool(self, name: str, args: dict[str, Any], tokens: Tokens = TOKENS) -> None:
        given = {
            key: ("string" if isinstance(value, str) else "number", str(value))
            for key, value in args.items()
        }
        wanted = function(ToolNames((name,)).to_wire(name), given)
        self.fake.agent(ReturnControl((wanted,), usages=((tokens.input, tokens.output),)))

    def fail(self, category: FailureCategory, *, retry_after: float | None = None) -> bool:
        if category not in FAILURES:
            return False
        self.fake.agent(patient(FAILURES[category], retry_after))
        return True

    def cut(self) -> bool:
        self.fake.agent(Turn("An answer that never comes.", cut=2))
        return True

    def hang(self) -> None:
        self.fake.agent(Turn("An answer that never comes.", cut=1, how="silence"))

    def trickle(self, text: str, *, pause: float, pieces: int) -> bool:
        self.fake.agent(Turn(text, pieces=pieces, between=pause))
        return True

    def release(self) -> None:
        self.fake.release()

    def expect_refusals(self) -> None:
        self.fake.expect_invalid = True

    @property
    def starts(self) -> int:
        return sum(call.billed and not call.params.get("endSession") for call in self.fake.requests)

    @property
    def stops(self) -> int:
        return len(self.fake.ended)

    @property
    def results(self) -> list[str]:
        return [
            result["functionResult"]["responseBody"]["TEXT"]["body"]
            for asked in self.fake.asked
            for result in asked.get("sessionState", {}).get("returnControlInvocationResults", ())
        ]

    def cost_micros(self, tokens: Tokens) -> int | None:
        # 1.10 and 5.50 dollars a million: the model's region is fixed. Never rounded down.
        return math.ceil((tokens.input * 11 + tokens.output * 55) / 10)
