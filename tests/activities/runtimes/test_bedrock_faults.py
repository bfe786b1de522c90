"""Every fault of Bedrock and of the network, as its runtime classifies it."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from activities.runtimes.bedrock import BedrockRuntime
from rota.conversation import Message, ModelRequest, Text
from rota.failures import FailureCategory, StepError
from tests.fakes.aws_answers import Failure, Hang, Pieces, Response, Whole, json_answer
from tests.fakes.aws_converse import Converse, ConverseFake
from tests.fakes.aws_environment import become_known

C = FailureCategory
LONG = "A long answer that takes many events. " * 4
WORDS = ({"text": LONG},)
THROTTLING = "ThrottlingException"
VALIDATION = "ValidationException"


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    become_known(monkeypatch, tmp_path)


@pytest.fixture
async def runtime() -> AsyncIterator[BedrockRuntime]:
    """The runtime; it needs no secrets."""
    runtime = BedrockRuntime(lambda reference: "")
    yield runtime
    await runtime.aclose()


def ask(endpoint: str, **settings: Any) -> ModelRequest:
    """The smallest request."""
    block = {"kind": "bedrock", "model": "amazon.nova-lite-v1:0", "endpoint_url": endpoint}
    question = Message(role="user", content=(Text(text="Go."),))
    return ModelRequest(settings=block | settings, system="", messages=(question,))


async def failure_of(call: Any) -> StepError:
    """The error a call ends in."""
    with pytest.raises(StepError) as caught:
        await call
    return caught.value


def broken(code: str, at: int = 4) -> Converse:
    """An answer that fails in its middle, as AWS says so there."""
    return Converse(WORDS, error=(code, "It broke."), cut=at)


def cut(at: int, how: Any = "eof") -> Converse:
    """An answer that ends in its middle."""
    return Converse(WORDS, cut=at, how=how)


TOO_LONG = "The model returned the following errors: Input is too long for requested model."
FAULTS: dict[str, tuple[Response, FailureCategory, bool]] = {
    "400": (Failure(400, VALIDATION, "temperature: too high"), C.INVALID_REQUEST, False),
    "400 too long": (Failure(400, VALIDATION, TOO_LONG), C.CONTEXT_OVERFLOW, False),
    "401": (Failure(401, "UnauthorizedException"), C.AUTH, False),
    "403": (Failure(403, "AccessDeniedException"), C.AUTH, False),
    "403 key": (Failure(403, "UnrecognizedClientException"), C.AUTH, False),
    "403 expired": (Failure(403, "ExpiredTokenException"), C.AUTH, False),
    "404": (Failure(404, "ResourceNotFoundException"), C.INVALID_REQUEST, False),
    "408": (Failure(408, "ModelTimeoutException"), C.TIMEOUT, True),
    "424": (Failure(424, "ModelErrorException"), C.TRANSIENT, True),
    "429": (Failure(429, THROTTLING, "Too many requests"), C.RATE_LIMITED, False),
    "429 day": (Failure(429, THROTTLING, "Too many tokens per day"), C.QUOTA, False),
    "429 loading": (Failure(429, "ModelNotReadyException"), C.OVERLOADED, False),
    "500": (Failure(500, "InternalServerException"), C.TRANSIENT, True),
    "502 of a proxy": (Whole(b"<html>", {"content-type": "text/html"}), C.TRANSIENT, True),
    "503": (Failure(503, "ServiceUnavailableException"), C.OVERLOADED, False),
    "unknown 4xx": (Failure(418, "TeapotException"), C.INVALID_REQUEST, False),
    "unknown 5xx": (Failure(599, "NewException"), C.TRANSIENT, True),
    "quota": (Failure(402, "ServiceQuotaExceededException"), C.QUOTA, False),
    "stream: throttled": (broken("throttlingException"), C.RATE_LIMITED, True),
    "stream: model": (broken("modelStreamErrorException"), C.TRANSIENT, True),
    "stream: internal": (broken("internalServerException"), C.TRANSIENT, True),
    "stream: unavailable": (broken("serviceUnavailableException"), C.OVERLOADED, True),
    "stream: validation": (broken("validationException"), C.INVALID_REQUEST, True),
    "cut before all": (cut(0), C.TRANSIENT, True),
    "cut in the middle": (cut(5), C.TRANSIENT, True),
    "cut before messageStop": (cut(15), C.TRANSIENT, True),
    "cut before metadata": (cut(16), C.TRANSIENT, True),
    "dropped": (cut(5, "drop"), C.TRANSIENT, True),
    "reset": (cut(5, "reset"), C.TRANSIENT, True),
    "bad checksum": (Pieces((b"\x00\x00\x00\x20" * 8,)), C.TRANSIENT, True),
    "malformed model": (Converse(WORDS, "malformed_model_output"), C.TRANSIENT, True),
    "malformed call": (Converse((), "malformed_tool_use"), C.TRANSIENT, True),
    "unknown stop": (Converse(WORDS, "reached_nirvana"), C.TRANSIENT, True),
    "empty": (Converse(()), C.OUTCOME_INVALID, True),
    "blank": (Converse(({"text": " \n"},)), C.OUTCOME_INVALID, True),
    "call without one": (Converse(WORDS, "tool_use"), C.OUTCOME_INVALID, True),
}


@pytest.mark.parametrize(("response", "category", "billed"), FAULTS.values(), ids=FAULTS)
async def test_invoke_fault_is_classified_after_one_request(
    runtime: BedrockRuntime, response: Response, category: FailureCategory, billed: bool
):
    """Each fault gets its category and its honest word on the bill, and is never retried here."""
    async with ConverseFake() as fake:
        fake.respond(response)
        error = await failure_of(runtime.invoke(ask(fake.url)))
    assert (error.category, error.maybe_billed) == (category, billed), str(error)
    assert len(fake.requests) == 1
    assert error.__cause__ is None


def test_faults_cut_the_stream_at_its_last_events():
    """The cuts of the table fall where their names say."""
    kinds = [frame.split(b":event-type\x07", 1)[1][2:14] for frame in Converse(WORDS).frames()]
    assert kinds[15:] == [b"messageStop\r", b"metadata\r:co"]


@pytest.mark.parametrize("stream", [True, False])
async def test_invoke_answer_of_another_shape_fails_by_name(runtime: BedrockRuntime, stream: bool):
    """A field that is gone is named, never read as nothing."""
    async with ConverseFake() as fake:
        if stream:
            fake.respond(Converse(WORDS, usage={"outputTokens": 5}))
        else:
            fake.respond(json_answer({"output": {"message": {}}, "stopReason": "end_turn"}))
        error = await failure_of(runtime.invoke(ask(fake.url, stream=stream)))
    assert (error.category, error.maybe_billed) == (C.OUTCOME_INVALID, True)
    assert ("usage.inputTokens" if stream else "output.message.content") in str(error)
    assert str(error).startswith("Bedrock")


async def test_invoke_retry_after_reaches_the_failure(runtime: BedrockRuntime):
    """The wait that AWS asks for travels with the failure, in either of its forms."""
    async with ConverseFake() as fake:
        fake.respond(Failure(429, THROTTLING, headers={"Retry-After": "7"}))
        fake.respond(Failure(400, VALIDATION, headers={"Retry-After": "7"}))
        error = await failure_of(runtime.invoke(ask(fake.url)))
        final = await failure_of(runtime.invoke(ask(fake.url)))
    assert (error.retry_after, error.request_id) == (timedelta(seconds=7), "req-1")
    assert final.retry_after is None


async def test_invoke_missing_model_names_the_settings(runtime: BedrockRuntime):
    """What is not there is named by the key that asked for it."""
    async with ConverseFake() as fake:
        fake.respond(Failure(404, "ResourceNotFoundException", "The model was not found."))
        error = await failure_of(runtime.invoke(ask(fake.url)))
    assert "404 ResourceNotFoundException: The model was not found." in str(error)
    assert "check runtime.model and runtime.region" in str(error)


@pytest.mark.parametrize("response", [Hang(), cut(4, "silence")], ids=["at once", "in the middle"])
@pytest.mark.parametrize("stream", [True, False])
async def test_invoke_silence_past_the_timeout_is_timeout(
    runtime: BedrockRuntime, response: Response, stream: bool
):
    """No answer, or half of one and then nothing, ends at the declared time."""
    async with ConverseFake() as fake:
        fake.respond(Hang() if not stream else response)
        started = time.monotonic()
        error = await failure_of(runtime.invoke(ask(fake.url, timeout="400ms", stream=stream)))
    assert (error.category, error.maybe_billed) == (C.TIMEOUT, True)
    assert time.monotonic() - started < 5


async def test_invoke_answer_that_drips_past_the_timeout_is_timeout(runtime: BedrockRuntime):
    """The declared time is that of the whole turn, however alive the stream looks."""
    async with ConverseFake() as fake:
        fake.respond(Converse(WORDS, between=0.1))
        error = await failure_of(runtime.invoke(ask(fake.url, timeout="500ms")))
    assert (error.category, error.maybe_billed) == (C.TIMEOUT, True)


async def test_invoke_cancelled_leaves_no_thread_behind(runtime: BedrockRuntime):
    """A cancelled turn gets its cancellation at once, and what read its answer ends too."""
    async with ConverseFake() as fake:
        fake.respond(cut(4, "silence"))
        fake.say("Back again.")
        call = asyncio.create_task(runtime.invoke(ask(fake.url, timeout="2m")))
        await fake.requests_arrived(1)
        (thread,) = reading()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.to_thread(thread.join, 5)
        assert not thread.is_alive()
        assert (await runtime.invoke(ask(fake.url))).message.text == "Back again."


def reading() -> list[threading.Thread]:
    """Threads that wait for AWS."""
    return [thread for thread in threading.enumerate() if thread.name == "rota-bedrock-runtime"]


async def test_invoke_refused_connection_is_transient_and_free(runtime: BedrockRuntime):
    """Where nobody listens, nobody bills."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    error = await failure_of(runtime.invoke(ask(f"http://127.0.0.1:{port}")))
    assert (error.category, error.maybe_billed) == (C.TRANSIENT, False)


async def test_invoke_without_credentials_is_auth_and_sends_nothing(
    runtime: BedrockRuntime, monkeypatch: pytest.MonkeyPatch
):
    """Nobody to be: said so, with the cure, before anything is sent."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    async with ConverseFake() as fake:
        error = await failure_of(runtime.invoke(ask(fake.url)))
    assert (error.category, error.maybe_billed) == (C.AUTH, False)
    assert "runtime.profile" in str(error)
    assert fake.requests == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"profile": "nobody"}, "runtime.profile"),
        ({"region": "middle-earth"}, "runtime.region"),
        ({"endpoint_url": "127.0.0.1"}, "runtime.endpoint_url"),
        ({"guardrail": {"id": "GR", "version": "1"}}, "runtime.guardrail.id"),
        ({"effort": "all"}, "runtime.effort"),
        ({"temperature": 0}, "runtime.temperature"),
    ],
)
async def test_invoke_wrong_settings_name_the_key(
    runtime: BedrockRuntime, settings: dict[str, Any], words: str
):
    """Settings that cannot work fail by name before anything is sent."""
    error = await failure_of(runtime.invoke(ask("http://127.0.0.1:1", **settings)))
    assert (error.category, error.maybe_billed) == (C.INVALID_REQUEST, False)
    assert words in str(error)


async def test_invoke_without_a_region_says_where_to_set_it(
    runtime: BedrockRuntime, monkeypatch: pytest.MonkeyPatch
):
    """boto3 guesses no region, and neither do we."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    error = await failure_of(runtime.invoke(ask("http://127.0.0.1:1")))
    assert error.category is C.INVALID_REQUEST
    assert "set runtime.region, or AWS_DEFAULT_REGION on the worker" in str(error)


async def test_fake_refuses_what_converse_refuses(runtime: BedrockRuntime):
    """The fake is strict: a system message at the end, say, is none that Bedrock takes."""
    async with ConverseFake(expect_invalid=True) as fake:
        answer = Message(role="assistant", content=(Text(text="Hm."),))
        request = ask(fake.url)
        request = request.model_copy(update={"messages": (*request.messages, answer)})
        error = await failure_of(runtime.invoke(request))
    assert error.category is C.INVALID_REQUEST
    assert "start and end with a user message" in str(error)
