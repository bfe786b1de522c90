"""Every fault of the API and the network, as the Anthropic runtime classifies it."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest

from activities.runtimes.anthropic import AnthropicRuntime
from rota.conversation import Message, ModelReply, ModelRequest, Text
from rota.failures import MESSAGE_LIMIT, FailureCategory, StepError
from tests.fakes.anthropic_answers import (
    Answer,
    Cut,
    Failure,
    Garbage,
    Hang,
    Response,
    StreamError,
    events,
    message,
    text,
)
from tests.fakes.anthropic_server import AnthropicFake

KEY = "sk-ant-test-0123456789"
C = FailureCategory

LONG = Answer((text("A long answer that takes many events to stream. " * 5),))
OVERLOADED = "overloaded_error"
LIMIT = "rate_limit_error"
INVALID = "invalid_request_error"


@pytest.fixture
async def runtime() -> AsyncIterator[AnthropicRuntime]:
    """A runtime whose every secret is KEY."""
    runtime = AnthropicRuntime(lambda reference: KEY)
    yield runtime
    await runtime.aclose()


def ask(base_url: str, **settings: Any) -> ModelRequest:
    """The smallest request."""
    runtime = {"kind": "anthropic", "model": "claude-haiku-4-5", "base_url": base_url}
    question = Message(role="user", content=(Text(text="Go."),))
    return ModelRequest(settings=runtime | settings, system="", messages=(question,))


async def failure_of(call: asyncio.Future[ModelReply] | Any) -> StepError:
    """The error a call ends in."""
    with pytest.raises(StepError) as caught:
        await call
    return caught.value


def broken(how: Callable[[], Cut | StreamError]) -> Answer:
    """An answer that stops in its middle."""
    return Answer(LONG.blocks, fault=how())


ANSWERED: dict[str, tuple[Response, FailureCategory, bool]] = {
    "400 invalid": (Failure(400, INVALID, "max_tokens: too large"), C.INVALID_REQUEST, False),
    "400 too long": (
        Failure(400, INVALID, "prompt is too long: 210000 tokens > 200000 maximum"),
        C.CONTEXT_OVERFLOW,
        False,
    ),
    "400 over limit": (
        Failure(400, INVALID, "input length and `max_tokens` exceed context limit: 1 + 2 > 2"),
        C.CONTEXT_OVERFLOW,
        False,
    ),
    "400 no credit": (
        Failure(400, INVALID, "Your credit balance is too low to access the Anthropic API."),
        C.QUOTA,
        False,
    ),
    "401": (Failure(401, "authentication_error", "invalid x-api-key"), C.AUTH, False),
    "402": (Failure(402, "billing_error", "Payment required"), C.QUOTA, False),
    "403": (Failure(403, "permission_error", "No access to the model"), C.AUTH, False),
    "404": (Failure(404, "not_found_error", "model: claude-0"), C.INVALID_REQUEST, False),
    "408": (Failure(408, "timeout_error", "Request timeout"), C.TIMEOUT, True),
    "409": (Failure(409, "conflict_error", "Conflict"), C.TRANSIENT, False),
    "413": (Failure(413, "request_too_large", "Too large"), C.CONTEXT_OVERFLOW, False),
    "422": (Failure(422, INVALID, "Unprocessable"), C.INVALID_REQUEST, False),
    "429": (Failure(429, LIMIT, "Too many requests"), C.RATE_LIMITED, False),
    "429 tier spent": (
        Failure(429, LIMIT, "Monthly limit", code="enforced_spend_limit_reached"),
        C.QUOTA,
        False,
    ),
    "429 contract spent": (
        Failure(429, LIMIT, "Contract limit", code="contract_spend_limit_reached"),
        C.QUOTA,
        False,
    ),
    "429 ramp": (Failure(429, LIMIT, "Ramp", code="ramp_limit_exceeded"), C.RATE_LIMITED, False),
    "429 final": (
        Failure(429, LIMIT, "No more", headers={"x-should-retry": "false"}),
        C.QUOTA,
        False,
    ),
    "500": (Failure(500), C.TRANSIENT, True),
    "500 final": (
        Failure(500, headers={"x-should-retry": "false"}),
        C.INVALID_REQUEST,
        False,
    ),
    "400 worth a retry": (
        Failure(400, INVALID, "Try again", headers={"x-should-retry": "true"}),
        C.TRANSIENT,
        False,
    ),
    "501": (Failure(501, "api_error", "Not implemented"), C.INVALID_REQUEST, False),
    "502": (Failure(502, "api_error", "Bad gateway"), C.TRANSIENT, True),
    "503": (Failure(503, "api_error", "Unavailable"), C.OVERLOADED, False),
    "504": (Failure(504, "timeout_error", "Gateway timeout"), C.TIMEOUT, True),
    "529": (Failure(529, OVERLOADED, "Overloaded"), C.OVERLOADED, False),
    "stream: overloaded": (broken(lambda: StreamError(4)), C.OVERLOADED, True),
    "stream: api error": (broken(lambda: StreamError(4, "api_error")), C.TRANSIENT, True),
    "stream: limited": (broken(lambda: StreamError(4, LIMIT)), C.RATE_LIMITED, True),
    "stream: unknown": (broken(lambda: StreamError(4, "new_error")), C.TRANSIENT, True),
    "cut before all": (broken(lambda: Cut(0, "drop")), C.TRANSIENT, True),
    "cut without an event": (broken(lambda: Cut(0, "eof")), C.TRANSIENT, True),
    "cut in the middle": (broken(lambda: Cut(4, "eof")), C.TRANSIENT, True),
    "cut before stop reason": (broken(lambda: Cut(14, "eof")), C.TRANSIENT, True),
    "cut before last event": (broken(lambda: Cut(15, "eof")), C.TRANSIENT, True),
    "socket dropped": (broken(lambda: Cut(4, "drop")), C.TRANSIENT, True),
    "socket reset": (broken(lambda: Cut(4, "reset")), C.TRANSIENT, True),
    "html": (Garbage(), C.TRANSIENT, True),
    "foreign json": (Garbage('{"ok": true}', "application/json"), C.TRANSIENT, True),
    "garbage in stream": (
        Garbage("event: message_start\ndata: {{{\n\n", "text/event-stream"),
        C.TRANSIENT,
        True,
    ),
    "foreign event stream": (
        Garbage('event: message_start\ndata: {"type": "message_start"}\n\n', "text/event-stream"),
        C.TRANSIENT,
        True,
    ),
    "unknown stop reason": (Answer((text("Hm."),), "reached_nirvana"), C.TRANSIENT, True),
    "no stop reason": (Answer((text("Hm."),), None), C.TRANSIENT, True),
    "empty answer": (Answer(()), C.OUTCOME_INVALID, True),
    "blank answer": (Answer((text("  \n"),)), C.OUTCOME_INVALID, True),
    "empty pause": (Answer((), "pause_turn"), C.OUTCOME_INVALID, True),
    "tool use without a call": (Answer((text("Hm."),), "tool_use"), C.OUTCOME_INVALID, True),
}


@pytest.mark.parametrize(("response", "category", "billed"), ANSWERED.values(), ids=ANSWERED)
async def test_invoke_fault_is_classified_after_one_request(
    runtime: AnthropicRuntime, response: Response, category: FailureCategory, billed: bool
):
    """Each fault gets its category and its honest word on the bill, and is never retried here."""
    async with AnthropicFake() as fake:
        fake.add(response)
        error = await failure_of(runtime.invoke(ask(fake.url)))
    assert (error.category, error.maybe_billed) == (category, billed), str(error)
    assert len(fake.requests) == 1
    assert error.__cause__ is None
    assert KEY not in str(error)


def test_answered_faults_cut_stream_at_its_last_events():
    """The cuts of the table fall where their names say."""
    whole = message(LONG, {"model": "m", "messages": []}, "msg_1")
    kinds = [data.split(b"\n", 1)[0].decode()[7:] for data in events(whole)]
    assert kinds[14:] == ["message_delta", "message_stop"]


async def test_invoke_error_keeps_request_id_and_says_what_to_do(runtime: AnthropicRuntime):
    """A failure names the request for the provider's support and the remedy for the reader."""
    async with AnthropicFake() as fake:
        fake.fail(401, "authentication_error", message="invalid x-api-key")
        error = await failure_of(runtime.invoke(ask(fake.url)))
    assert error.request_id == f"req_{1:024d}"
    assert "401 authentication_error: invalid x-api-key; check the key" in str(error)


@pytest.mark.parametrize(
    ("headers", "seconds"), [({"retry-after": "7"}, 7), ({"retry-after-ms": "1500"}, 1.5)]
)
async def test_invoke_retry_after_reaches_the_failure(
    runtime: AnthropicRuntime, headers: dict[str, str], seconds: float
):
    """The wait the provider asks for travels with the failure."""
    async with AnthropicFake() as fake:
        fake.fail(429, LIMIT, headers=headers)
        error = await failure_of(runtime.invoke(ask(fake.url)))
    assert error.retry_after == timedelta(seconds=seconds)


async def test_invoke_retry_after_on_final_failure_is_dropped(runtime: AnthropicRuntime):
    """No wait cures a spent quota, so none is passed on."""
    async with AnthropicFake() as fake:
        fake.fail(429, LIMIT, code="enforced_spend_limit_reached", headers={"retry-after": "3"})
        error = await failure_of(runtime.invoke(ask(fake.url)))
    assert error.retry_after is None


async def test_invoke_key_in_providers_message_is_redacted_before_cutting(
    runtime: AnthropicRuntime,
):
    """A provider that repeats the key does not put it, or a part of it, into the record."""
    padding = "x" * (MESSAGE_LIMIT - 50)
    async with AnthropicFake() as fake:
        fake.fail(401, "authentication_error", message=f"bad key {KEY} {padding}{KEY} end")
        error = await failure_of(runtime.invoke(ask(fake.url)))
    assert "sk-ant" not in str(error)
    assert "bad key [redacted]" in str(error)
    assert len(str(error)) <= MESSAGE_LIMIT


@pytest.mark.parametrize("response", [Hang(), broken(lambda: Cut(4, "silence"))])
async def test_invoke_silence_past_the_timeout_is_timeout(
    runtime: AnthropicRuntime, response: Response
):
    """No answer, or half of one and then nothing, ends at the declared time."""
    async with AnthropicFake() as fake:
        fake.add(response)
        started = time.monotonic()
        error = await failure_of(runtime.invoke(ask(fake.url, timeout="300ms")))
    assert (error.category, error.maybe_billed) == (C.TIMEOUT, True)
    assert time.monotonic() - started < 5


async def test_invoke_answer_that_drips_past_the_timeout_is_timeout(runtime: AnthropicRuntime):
    """The declared time is that of the whole turn, however alive the stream looks."""
    async with AnthropicFake() as fake:
        fake.add(Answer(LONG.blocks, between_events=0.1))
        error = await failure_of(runtime.invoke(ask(fake.url, timeout="400ms")))
    assert (error.category, error.maybe_billed) == (C.TIMEOUT, True)


async def test_invoke_slow_but_whole_answer_is_success(runtime: AnthropicRuntime):
    """Waiting for the first byte is not a fault."""
    async with AnthropicFake() as fake:
        fake.say("Thought it over.", first_byte_after=0.2)
        reply = await runtime.invoke(ask(fake.url))
    assert reply.message.text == "Thought it over."


async def test_invoke_cancelled_is_cancelled_not_failed(runtime: AnthropicRuntime):
    """A cancelled activity gets its cancellation back, and the runtime stays usable."""
    async with AnthropicFake() as fake:
        fake.add(Hang())
        fake.say("Back again.")
        call = asyncio.create_task(runtime.invoke(ask(fake.url)))
        await fake.requests_arrived(1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (await runtime.invoke(ask(fake.url))).message.text == "Back again."


async def test_invoke_refused_connection_is_transient_and_free(runtime: AnthropicRuntime):
    """Where nobody listens, nobody bills."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    error = await failure_of(runtime.invoke(ask(f"http://127.0.0.1:{port}")))
    assert (error.category, error.maybe_billed) == (C.TRANSIENT, False)
