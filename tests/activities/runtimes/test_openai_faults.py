"""Every fault of a server and the network, as the chat completions runtime classifies it."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest

from activities.runtimes.openai import OpenAIRuntime
from rota.conversation import Message, ModelRequest, Text, ToolSchema
from rota.failures import FailureCategory, StepError
from tests.fakes.openai_answers import (
    Answer,
    Cut,
    Failure,
    Hang,
    Raw,
    Response,
    StreamError,
    completion,
    event,
    events,
)
from tests.fakes.openai_server import OpenAIFake

KEY = "sk-test-0123456789"
C = FailureCategory
LONG = "A long answer that takes many events to stream. " * 5
TOOL = ToolSchema(name="post", description="", parameters={"type": "object"})


@pytest.fixture
async def runtime() -> AsyncIterator[OpenAIRuntime]:
    """A runtime whose every secret is KEY."""
    runtime = OpenAIRuntime(lambda reference: KEY)
    yield runtime
    await runtime.aclose()


def ask(base_url: str, **settings: Any) -> ModelRequest:
    """The smallest request."""
    runtime = {"kind": "openai", "model": "gpt-5-mini", "base_url": base_url}
    question = Message(role="user", content=(Text(text="Go."),))
    return ModelRequest(settings=runtime | settings, system="", messages=(question,), tools=(TOOL,))


async def failure_of(runtime: OpenAIRuntime, request: ModelRequest) -> StepError:
    """The error a call ends in."""
    with pytest.raises(StepError) as caught:
        await runtime.invoke(request)
    return caught.value


def refused(code: str, message: str, status: int = 400) -> Failure:
    """A refusal with a code."""
    return Failure(status, code, message, "invalid_request_error")


def reported(error: dict[str, Any], after: int = 4) -> Answer:
    """An error in the middle of a stream."""
    return Answer(LONG, fault=StreamError(after, error))


def cut(after: int, how: Any = "eof") -> Answer:
    """An answer that stops in its middle."""
    return Answer(LONG, fault=Cut(after, how))


def chunks(*data: dict[str, Any]) -> Raw:
    """A stream of these."""
    body = b"".join(event(each) for each in data) + b"data: [DONE]\n\n"
    return Raw(body.decode(), "text/event-stream")


def changed(**changes: Any) -> Raw:
    """A whole completion whose fields are others."""
    whole = completion(Answer("Yes."), {"model": "m", "messages": []}, "1")
    return Raw(json.dumps(whole | changes), "application/json")


TOO_LONG = "This model's maximum context length is 8192 tokens. However, you requested 9000"
ANSWERED: dict[str, tuple[Response, FailureCategory, bool]] = {
    "400": (refused("unsupported_parameter", "no"), C.INVALID_REQUEST, False),
    "400 too long": (refused("context_length_exceeded", TOO_LONG), C.CONTEXT_OVERFLOW, False),
    "400 too long, vLLM": (Failure(400, None, TOO_LONG), C.CONTEXT_OVERFLOW, False),
    "400 filtered": (refused("content_filter", "filtered"), C.REFUSED, False),
    "400 budget": (Failure(400, None, "Budget has been exceeded!"), C.QUOTA, False),
    "401": (refused("invalid_api_key", "Incorrect API key", 401), C.AUTH, False),
    "403": (Failure(403, None, "Country not supported"), C.AUTH, False),
    "404": (refused("model_not_found", "no such model", 404), C.INVALID_REQUEST, False),
    "408": (Failure(408), C.TIMEOUT, True),
    "413": (Failure(413), C.CONTEXT_OVERFLOW, False),
    "422": (Failure(422), C.INVALID_REQUEST, False),
    "429": (Failure(429, "rate_limit_exceeded", "Rate limit reached"), C.RATE_LIMITED, False),
    "429 quota": (Failure(429, "insufficient_quota", "exceeded your quota"), C.QUOTA, False),
    "500": (Failure(500), C.TRANSIENT, True),
    "502": (Failure(502), C.TRANSIENT, True),
    "503": (Failure(503, None, "The engine is overloaded"), C.OVERLOADED, False),
    "504": (Failure(504), C.TIMEOUT, True),
    "stream: overloaded": (reported({"type": "overloaded_error"}), C.OVERLOADED, True),
    "stream: 429": (reported({"code": 429, "message": "slow down"}), C.RATE_LIMITED, True),
    "stream: too long": (
        reported({"code": "context_length_exceeded", "message": "long"}),
        C.CONTEXT_OVERFLOW,
        True,
    ),
    "stream: unknown": (reported({"message": "?"}), C.TRANSIENT, True),
    "200 with an error": (
        Raw('{"error": {"code": 502, "message": "upstream"}}', "application/json"),
        C.TRANSIENT,
        True,
    ),
    "200 with a text as error": (Raw('{"error": "boom"}', "application/json"), C.TRANSIENT, True),
    "cut before all": (cut(0, "drop"), C.TRANSIENT, True),
    "cut without an event": (cut(0), C.TRANSIENT, True),
    "cut in the middle": (cut(4), C.TRANSIENT, True),
    "socket dropped": (cut(4, "drop"), C.TRANSIENT, True),
    "socket reset": (cut(4, "reset"), C.TRANSIENT, True),
    "no [DONE]": (Answer("Yes.", done=False), C.TRANSIENT, True),
    "html": (Raw(), C.TRANSIENT, True),
    "garbage in stream": (Raw("data: {{{\n\n", "text/event-stream"), C.TRANSIENT, True),
    "unknown finish reason": (Answer("Hm.", finish="nirvana"), C.TRANSIENT, True),
    "no finish reason": (Answer("Hm.", finish=None), C.TRANSIENT, True),
    "no usage": (Answer("Yes.", usage=None), C.OUTCOME_INVALID, True),
    "empty answer": (Answer(""), C.OUTCOME_INVALID, True),
    "blank answer": (Answer("  \n"), C.OUTCOME_INVALID, True),
    "calls without a call": (Answer("Hm.", finish="tool_calls"), C.OUTCOME_INVALID, True),
}


@pytest.mark.parametrize(("response", "category", "billed"), ANSWERED.values(), ids=ANSWERED)
async def test_invoke_fault_is_classified_after_one_request(
    runtime: OpenAIRuntime, response: Response, category: FailureCategory, billed: bool
):
    """Each fault gets its category and its honest word on the bill, and is never retried here."""
    async with OpenAIFake() as fake:
        fake.add(response)
        error = await failure_of(runtime, ask(fake.url))
    assert (error.category, error.maybe_billed) == (category, billed), str(error)
    assert len(fake.requests) == 1
    assert error.__cause__ is None


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (changed(choices=[]), "no usable choices.0.finish_reason"),
        (changed(choices=[{"finish_reason": "stop"}]), "no usable choices.0.message"),
        (changed(choices=None), "no usable choices.0.finish_reason"),
        (changed(usage=None), "no usage"),
        (changed(usage={"prompt_tokens": "7"}), "no usable usage.prompt_tokens"),
        (changed(usage={"prompt_tokens": 7}), "no usable usage.completion_tokens"),
        (changed(model=None), "no usable model"),
        (
            changed(choices=[{"finish_reason": "stop", "message": {"content": [1]}}]),
            "no usable content",
        ),
        (
            changed(choices=[{"finish_reason": "stop", "message": {"tool_calls": [{"id": "1"}]}}]),
            "no usable function.name",
        ),
        (Raw("[]", "application/json"), "no usable choices.0.finish_reason"),
        (chunks({"choices": {"delta": 1}}), "no usable choices"),
        (chunks({"choices": [{"delta": {"tool_calls": [{"index": "a"}]}}]}), "no usable index"),
        (chunks({"choices": [{"delta": {"tool_calls": [{"function": 1}]}}]}), "usable function"),
    ],
)
async def test_invoke_answer_of_another_shape_fails_by_name(
    runtime: OpenAIRuntime, response: Response, words: str
):
    """A server that changed is named with the field, and is not asked again."""
    async with OpenAIFake() as fake:
        fake.add(response)
        error = await failure_of(runtime, ask(fake.url))
    assert (error.category, error.maybe_billed) == (C.OUTCOME_INVALID, True)
    assert words in str(error)


async def test_invoke_stream_cut_anywhere_is_never_an_answer(runtime: OpenAIRuntime):
    """There is no event after which a cut stream looks finished, but the last."""
    async with OpenAIFake() as fake:
        calls = (fake.tool_call("post", {"a": "a long argument in pieces"}),)
        whole = Answer("Look:", calls, "tool_calls")
        request = {"model": "m", "messages": []}
        total = len(list(events(whole, completion(whole, request, "1"), True)))
        for after in range(total):
            fake.add(Answer("Look:", calls, "tool_calls", fault=Cut(after)))
            assert (await failure_of(runtime, ask(fake.url))).category is C.TRANSIENT
        fake.add(whole)
        assert (await runtime.invoke(ask(fake.url))).message.tool_calls


async def test_invoke_error_keeps_request_id_wait_and_cure(runtime: OpenAIRuntime):
    """A failure names the request for support, the wait, and the remedy for the reader."""
    async with OpenAIFake() as fake:
        fake.fail(429, "rate_limit_exceeded", headers={"retry-after": "7"})
        fake.fail(401, "invalid_api_key", message=f"Incorrect API key provided: {KEY}.")
        limited = await failure_of(runtime, ask(fake.url))
        wrong = await failure_of(runtime, ask(fake.url))
    assert limited.retry_after == timedelta(seconds=7)
    assert wrong.request_id == f"req_{2:024d}"
    assert "invalid_api_key: Incorrect API key provided: [redacted]." in str(wrong)
    assert "check the key behind runtime.api_key" in str(wrong)


@pytest.mark.parametrize("make", [Hang, lambda: cut(4, "silence")])
async def test_invoke_silence_past_the_timeout_is_timeout(
    runtime: OpenAIRuntime, make: Callable[[], Response]
):
    """No answer, or half of one and then nothing, ends at the declared time."""
    async with OpenAIFake() as fake:
        fake.add(make())
        started = time.monotonic()
        error = await failure_of(runtime, ask(fake.url, timeout="300ms"))
    assert (error.category, error.maybe_billed) == (C.TIMEOUT, True)
    assert time.monotonic() - started < 5


async def test_invoke_answer_that_drips_past_the_timeout_is_timeout(runtime: OpenAIRuntime):
    """The declared time is that of the whole turn, however alive the stream looks."""
    async with OpenAIFake() as fake:
        fake.add(Answer(LONG, between_events=0.1))
        error = await failure_of(runtime, ask(fake.url, timeout="400ms"))
    assert (error.category, error.maybe_billed) == (C.TIMEOUT, True)


async def test_invoke_cancelled_is_cancelled_not_failed(runtime: OpenAIRuntime):
    """A cancelled activity gets its cancellation back, and the runtime stays usable."""
    async with OpenAIFake() as fake:
        fake.add(Hang())
        fake.say("Back again.")
        call = asyncio.create_task(runtime.invoke(ask(fake.url)))
        await fake.requests_arrived(1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (await runtime.invoke(ask(fake.url))).message.text == "Back again."


async def test_invoke_refused_connection_is_transient_and_free(runtime: OpenAIRuntime):
    """Where nobody listens, nobody bills."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    error = await failure_of(runtime, ask(f"http://127.0.0.1:{port}/v1"))
    assert (error.category, error.maybe_billed) == (C.TRANSIENT, False)
    assert "check runtime.base_url" in str(error)
