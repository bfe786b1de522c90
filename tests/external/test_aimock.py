"""Rota's model runtimes with aimock as their provider: turns, tools, refusals, cut answers."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from activities.runtimes.anthropic import AnthropicRuntime
from activities.runtimes.bedrock import BedrockRuntime
from activities.runtimes.openai import OpenAIRuntime
from rota.conversation import Message, ModelRequest, Text
from rota.failures import FailureCategory, StepError
from rota.runs import RunStatus
from rota.tools import tool
from tests.external.aimock import Aimock
from tests.fakes.aws_environment import become_known
from tests.stack import Stack

C = FailureCategory
KEY = "mock-key-0123456789"  # aimock does not look at it
USED = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
CALL = {"toolCalls": [{"name": "books__total", "arguments": {"page": 7}}], "usage": USED}
ANSWER = {"content": "The total is 42.", "usage": USED}


@dataclass(frozen=True)
class Way:
    """A kind, with settings that aimock can serve."""

    settings: dict[str, Any]
    path: str
    """Below aimock's address."""
    address: str = "base_url"
    """The setting that takes it."""

    def block(self, mock: Aimock) -> dict[str, Any]:
        """The `runtime` block that asks `mock`."""
        return {**self.settings, self.address: mock.url + self.path}


KEYED = {"api_key": "env:ROTA_TEST_AIMOCK_KEY"}
CONVERSE = {"kind": "bedrock", "model": "anthropic.claude-haiku-4-5-20251001-v1:0"}
ANTHROPIC = Way({"kind": "anthropic", "model": "claude-haiku-4-5", **KEYED}, "")
OPENAI = Way({"kind": "openai", "model": "gpt-4o-mini", **KEYED}, "/v1")
WHOLE = Way({**OPENAI.settings, "stream": False}, "/v1")
BEDROCK = Way({**CONVERSE, "stream": False}, "", "endpoint_url")
STREAMED_BEDROCK = Way(CONVERSE, "", "endpoint_url")

WAYS = pytest.mark.parametrize(
    "way",
    [ANTHROPIC, OPENAI, WHOLE, BEDROCK],
    ids=["anthropic", "openai", "openai-whole", "bedrock-whole"],
)
STREAMS = pytest.mark.parametrize(
    "way",
    [ANTHROPIC, OPENAI, STREAMED_BEDROCK],
    ids=["anthropic", "openai", "bedrock"],
)


@tool(name="books.total", effect="read")
def total(page: int) -> str:
    """Add up a page."""
    return f"total of page {page}: 42"


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    become_known(monkeypatch, tmp_path)
    monkeypatch.setenv("ROTA_TEST_AIMOCK_KEY", KEY)


@pytest.fixture
async def runtimes() -> AsyncIterator[dict[str, Any]]:
    """One runtime of each kind."""
    kinds = {"anthropic": AnthropicRuntime, "bedrock": BedrockRuntime, "openai": OpenAIRuntime}
    made: dict[str, Any] = {kind: runtime(lambda reference: KEY) for kind, runtime in kinds.items()}
    yield made
    for runtime in made.values():
        await runtime.aclose()


async def failure(runtimes: dict[str, Any], block: dict[str, Any]) -> StepError:
    """What one turn fails with."""
    request = ModelRequest(
        settings=block,
        system="Be exact.",
        messages=(Message(role="user", content=(Text(text="Go."),)),),
    )
    with pytest.raises(StepError) as caught:
        await runtimes[block["kind"]].invoke(request)
    return caught.value


@WAYS
async def test_external_aimock_run_calls_a_tool_and_ends(
    stack: Stack, mock: Aimock, way: Way
) -> None:
    """A whole run: the tool's result goes back as the call's, and every token counts once."""
    mock.play(CALL, ANSWER)
    async with stack.worker([total]):
        name = stack.name("books")
        await stack.declare(name, runtime=way.block(mock), tools=["books.total"])
        result = await stack.run(name, f"{name}-1")
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, "The total is 42.")
    assert (result.usage.input_tokens, result.usage.output_tokens) == (200, 40)
    assert result.usage.unknown_attempts == 0
    first, second = (request["body"]["messages"] for request in mock.requests)
    assert [message["role"] for message in second[len(first) :]] == ["assistant", "tool"]
    [call] = second[len(first)]["tool_calls"]
    assert second[-1]["tool_call_id"] == call["id"]
    assert second[-1]["content"] == "total of page 7: 42"


@WAYS
async def test_external_aimock_rate_limit_is_waited_for_as_told(
    runtimes: dict[str, Any], mock: Aimock, way: Way
) -> None:
    """The category, the time to wait, and that nothing was paid."""
    error = {"message": "Slow down", "type": "rate_limit_error"}
    mock.play({"error": error, "status": 429, "retryAfter": 7})
    failed = await failure(runtimes, way.block(mock))
    assert failed.category is C.RATE_LIMITED
    assert failed.retry_after == timedelta(seconds=7)
    assert not failed.maybe_billed


@pytest.mark.parametrize("way", [ANTHROPIC, OPENAI], ids=["anthropic", "openai"])
@pytest.mark.parametrize(
    ("status", "type_", "message", "category"),
    [
        (401, "authentication_error", "invalid key", C.AUTH),
        (400, "invalid_request_error", "prompt is too long: 5 tokens > 4", C.CONTEXT_OVERFLOW),
        (529, "overloaded_error", "Overloaded", C.OVERLOADED),
        (500, "api_error", "Internal server error", C.TRANSIENT),
    ],
)
async def test_external_aimock_error_is_classified(
    runtimes: dict[str, Any],
    mock: Aimock,
    way: Way,
    status: int,
    type_: str,
    message: str,
    category: FailureCategory,
) -> None:
    """By its status and its words, as somebody else spells them."""
    mock.play({"error": {"message": message, "type": type_}, "status": status})
    failed = await failure(runtimes, way.block(mock))
    assert failed.category is category
    assert message in str(failed)


@STREAMS
async def test_external_aimock_cut_answer_is_never_taken_for_a_whole_one(
    runtimes: dict[str, Any], mock: Aimock, way: Way
) -> None:
    """The connection ends in the middle of the stream: try again, and it may have been paid."""
    long = {"content": "A long answer of which the second half is missing."}
    mock.play({"response": long, "chunkSize": 5, "latency": 20, "truncateAfterChunks": 5})
    failed = await failure(runtimes, way.block(mock))
    assert failed.category is C.TRANSIENT
    assert failed.maybe_billed
