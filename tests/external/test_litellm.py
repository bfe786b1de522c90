"""Rota behind the LiteLLM proxy: canned answers, Claude and GPT on our strict fakes."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from activities.runtimes.openai import OpenAIRuntime
from rota.conversation import Message, ModelReply, ModelRequest, StopReason, Text
from rota.failures import FailureCategory, StepError
from rota.runs import RunStatus
from rota.runtime_specs.openai import OpenAISettings
from rota.tools import tool
from rota.usage import Usage
from tests.external.litellm_proxy import CANNED, KEY, Gateway
from tests.fakes import anthropic_answers, openai_answers
from tests.stack import Stack

C = FailureCategory
STREAMED = pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
LONG = "A long answer that takes many events to stream. " * 3


@tool(name="books.total", effect="read")
def total(page: int) -> str:
    """Add up a page."""
    return f"total of page {page}: 42"


@pytest.fixture
def gateway(proxy: Gateway, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """The proxy with fakes that have seen nothing yet."""
    monkeypatch.setenv("ROTA_TEST_GATEWAY_KEY", KEY)
    proxy.anthropic.requests.clear()
    proxy.openai.requests.clear()
    return proxy


@pytest.fixture
async def runtime() -> AsyncIterator[OpenAIRuntime]:
    """A runtime whose key is the proxy's."""
    runtime = OpenAIRuntime(lambda reference: KEY)
    yield runtime
    await runtime.aclose()


async def turn(runtime: OpenAIRuntime, settings: dict[str, Any]) -> ModelReply:
    """One turn without tools."""
    question = Message(role="user", content=(Text(text="Go."),))
    return await runtime.invoke(
        ModelRequest(settings=settings, system="Be exact.", messages=(question,))
    )


async def failure(runtime: OpenAIRuntime, settings: dict[str, Any]) -> StepError:
    """What one turn fails with."""
    with pytest.raises(StepError) as caught:
        await turn(runtime, settings)
    return caught.value


@STREAMED
async def test_external_litellm_canned_answer_has_words_tokens_and_cost(
    runtime: OpenAIRuntime, gateway: Gateway, stream: bool
) -> None:
    """LiteLLM's own `mock_response`: its words, its counts, its price."""
    reply = await turn(runtime, gateway.settings("canned", stream=stream))
    assert (reply.message.text, reply.stop) == (CANNED, StopReason.END_TURN)
    assert reply.usage.input_tokens > 0
    assert reply.usage.output_tokens > 0
    # Of gpt-4o-mini: 0.15 and 0.60 dollars a million, rounded up.
    cost = -(-(reply.usage.input_tokens * 15 + reply.usage.output_tokens * 60) // 100)
    assert reply.reported_micros == cost
    assert reply.request_id


async def run_with_tool(stack: Stack, settings: dict[str, Any]) -> Usage:
    """What a run used that calls its tool, and ends well."""
    async with stack.worker([total]):
        name = stack.name("books")
        await stack.declare(name, runtime=settings, tools=["books.total"])
        result = await stack.run(name, f"{name}-1")
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, "It is 42.")
    return result.usage


@STREAMED
async def test_external_litellm_run_on_claude_calls_a_tool_with_exact_use_and_cost(
    stack: Stack, gateway: Gateway, stream: bool
) -> None:
    """Through the gateway's translation to Messages and back, cached tokens told apart."""
    used = {
        "input_tokens": 100,
        "output_tokens": 20,
        "cache_read_input_tokens": 30,
        "cache_creation_input_tokens": 8,
    }
    gateway.anthropic.call_tool("books__total", {"page": 7}, usage=used)
    gateway.anthropic.say("It is 42.", usage=used)
    usage = await run_with_tool(stack, gateway.settings("claude", stream=stream))
    assert usage == Usage(
        input_tokens=200,
        output_tokens=40,
        cache_read_tokens=60,
        cache_write_tokens=16,
        # 1, 5, 0.10 and 1.25 dollars a million: 213 for each turn.
        cost_micros=426,
    )
    asked = gateway.anthropic.requests[-1].body["messages"][-1]["content"]
    assert [block["content"] for block in asked] == ["total of page 7: 42"]


@STREAMED
async def test_external_litellm_run_on_gpt_calls_a_tool_with_exact_use_and_cost(
    stack: Stack, gateway: Gateway, stream: bool
) -> None:
    """What Rota sends passes the rules of OpenAI after the gateway, too."""
    used = {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 120,
        "prompt_tokens_details": {"cached_tokens": 40},
    }
    gateway.openai.call_tool("books__total", {"page": 7}, usage=used)
    gateway.openai.say("It is 42.", usage=used)
    usage = await run_with_tool(stack, gateway.settings("gpt", stream=stream))
    # 0.15, 0.60 and 0.075 dollars a million: 24 for each turn.
    assert usage == Usage(input_tokens=120, output_tokens=40, cache_read_tokens=80, cost_micros=48)
    assert gateway.openai.requests[-1].body["messages"][-1]["content"] == "total of page 7: 42"


CLAUDE_FAILURES = {
    "limited": (429, "rate_limit_error", "Too many requests", C.RATE_LIMITED),
    "overloaded": (529, "overloaded_error", "Overloaded", C.OVERLOADED),
    "key": (401, "authentication_error", "invalid x-api-key", C.AUTH),
    "long": (400, "invalid_request_error", "prompt is too long: 5 tokens > 4", C.CONTEXT_OVERFLOW),
    "broken": (500, "api_error", "Internal server error", C.TRANSIENT),
}
GPT_FAILURES = {
    "limited": (429, "rate_limit_exceeded", "Rate limit reached", C.RATE_LIMITED),
    "quota": (429, "insufficient_quota", "You exceeded your current quota", C.QUOTA),
    "overloaded": (503, None, "The engine is currently overloaded", C.OVERLOADED),
    "key": (401, "invalid_api_key", "Incorrect API key provided", C.AUTH),
    "long": (400, "context_length_exceeded", "maximum context length is 5", C.CONTEXT_OVERFLOW),
}


@pytest.mark.parametrize(
    ("status", "label", "words", "category"), CLAUDE_FAILURES.values(), ids=CLAUDE_FAILURES
)
async def test_external_litellm_failure_of_claude_keeps_its_category_and_wait(
    runtime: OpenAIRuntime,
    gateway: Gateway,
    status: int,
    label: str,
    words: str,
    category: FailureCategory,
) -> None:
    """Whatever the gateway wraps around it, and is asked once."""
    gateway.anthropic.fail(status, label, message=words, headers={"retry-after": "7"})
    failed = await failure(runtime, gateway.settings("claude"))
    assert failed.category is category
    assert failed.retry_after == (timedelta(seconds=7) if category.retryable else None)
    assert failed.maybe_billed is (category is C.TRANSIENT)
    assert len(gateway.anthropic.requests) == 1


@pytest.mark.parametrize(
    ("status", "code", "words", "category"), GPT_FAILURES.values(), ids=GPT_FAILURES
)
async def test_external_litellm_failure_of_gpt_keeps_its_category_and_wait(
    runtime: OpenAIRuntime,
    gateway: Gateway,
    status: int,
    code: str | None,
    words: str,
    category: FailureCategory,
) -> None:
    """Whatever the gateway wraps around it, and is asked once."""
    gateway.openai.fail(status, code, message=words, headers={"retry-after": "7"})
    failed = await failure(runtime, gateway.settings("gpt"))
    assert failed.category is category
    assert failed.retry_after == (timedelta(seconds=7) if category.retryable else None)
    assert not failed.maybe_billed
    assert len(gateway.openai.requests) == 1


@pytest.mark.parametrize("model", ["claude", "gpt"])
async def test_external_litellm_connection_that_breaks_behind_it_is_no_answer(
    runtime: OpenAIRuntime, gateway: Gateway, model: str
) -> None:
    """Half an answer, and then an error in the stream or instead of it."""
    if model == "claude":
        gateway.anthropic.say(LONG, fault=anthropic_answers.Cut(5, "drop"), between_events=0.02)
    else:
        gateway.openai.say(LONG, fault=openai_answers.Cut(5, "drop"), between_events=0.02)
    failed = await failure(runtime, gateway.settings(model))
    assert (failed.category, failed.maybe_billed) == (C.TRANSIENT, True)


async def test_external_litellm_wrong_key_and_unknown_model_are_told(
    runtime: OpenAIRuntime, gateway: Gateway
) -> None:
    """Each as what has to be mended."""
    stranger = OpenAIRuntime(lambda reference: "sk-somebody-else")
    refused = await failure(stranger, gateway.settings("canned"))
    await stranger.aclose()
    assert refused.category is C.AUTH
    unknown = await failure(runtime, gateway.settings("no-such-model"))
    assert unknown.category is C.INVALID_REQUEST
    assert "no-such-model" in str(unknown)


async def test_external_litellm_probe_finds_the_model(
    runtime: OpenAIRuntime, gateway: Gateway
) -> None:
    """Its list of models is asked, and nothing spent."""
    found = await runtime.probe(OpenAISettings.model_validate(gateway.settings("claude")))
    assert found.ok
    assert found.found.endswith("serves claude")
    assert gateway.anthropic.billed == 0
