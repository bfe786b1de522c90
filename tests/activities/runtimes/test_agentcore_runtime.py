"""An agent of one's own on the strict fake of AgentCore Runtime."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from activities.providers import aws_clients
from activities.runtimes.agentcore import AgentCoreRuntime
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.agentcore import KIND, AgentCoreSettings
from rota.runtimes.session import Observation, SessionState, Told
from tests.activities.runtimes.session_looks import KEY, Reports, request
from tests.fakes.aws_agentcore import RUNTIME, AgentCoreFake, as_json
from tests.fakes.aws_answers import Failure, Hang, Pieces, Response, Whole
from tests.fakes.aws_environment import become_known

C = FailureCategory


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    become_known(monkeypatch, tmp_path)
    # Here nobody but the runtime watches.
    monkeypatch.setattr(aws_clients, "GRACE_SECONDS", 0.0)


@pytest.fixture
async def fake() -> AsyncIterator[AgentCoreFake]:
    """The fake."""
    async with AgentCoreFake() as running:
        yield running


@pytest.fixture
async def runtime() -> AsyncIterator[AgentCoreRuntime]:
    """The runtime; it needs no secrets."""
    runtime = AgentCoreRuntime(lambda reference: "")
    yield runtime
    await runtime.aclose()


def block(fake: AgentCoreFake, **more: Any) -> dict[str, Any]:
    """The runtime block."""
    return {"kind": "agentcore", "arn": RUNTIME, "endpoint_url": fake.url} | more


async def look(
    runtime: AgentCoreRuntime, fake: AgentCoreFake, reports: Reports | None = None, **more: Any
) -> Observation:
    """Start, and watch once."""
    asked = request(block(fake, **more))
    session = await runtime.submit(asked)
    return await runtime.observe(session, asked, "", reports or Reports())


async def failure_of(call: Any) -> StepError:
    """The error a call ends in."""
    with pytest.raises(StepError) as caught:
        await call
    return caught.value


def text_of(seen: Observation) -> str:
    """The answer's words."""
    assert seen.final is not None
    return seen.final.message.text


async def test_submit_derives_the_session_and_calls_nobody(
    runtime: AgentCoreRuntime, fake: AgentCoreFake
):
    """The session's id is the idempotency key, which is one that AgentCore takes."""
    session = await runtime.submit(request(block(fake)))
    assert (session.id, session.told) == (KEY, True)
    assert await runtime.find(request(block(fake))) == session
    assert fake.requests == []


async def test_observe_gives_the_agent_words_values_and_the_key(
    runtime: AgentCoreRuntime, fake: AgentCoreFake
):
    """Without a declared payload the agent gets the task in words, the values, and the key."""
    fake.work({"result": "done"})
    seen = await look(runtime, fake, qualifier="live")
    (call,) = fake.calls("InvokeAgentRuntime")
    assert (call.params["runtimeSessionId"], call.params["qualifier"]) == (KEY, "live")
    assert as_json(call.params) == {
        "prompt": "Be exact.\n\nReport on account A.",
        "input": {"account": "A"},
        "memory": {"last": 3},
        "slot": None,
        "idempotency_key": KEY,
    }
    assert seen.state is SessionState.ENDED
    assert json.loads(text_of(seen)) == {"result": "done"}


async def test_observe_declared_payload_is_filled(runtime: AgentCoreRuntime, fake: AgentCoreFake):
    """Templates name the run's values, the words and the key."""
    fake.work("done")
    await look(runtime, fake, payload={"q": "{task} ({input.account})", "id": "{key}"})
    sent = as_json(fake.calls("InvokeAgentRuntime")[0].params)
    assert sent == {"q": "Report on account A. (A)", "id": KEY}


async def test_observe_payload_that_names_nothing_there_is_invalid(
    runtime: AgentCoreRuntime, fake: AgentCoreFake
):
    """A value that this run lacks is named, and nobody is called."""
    error = await failure_of(look(runtime, fake, payload={"q": "{input.customer}"}))
    assert (error.category, error.maybe_billed) == (C.INVALID_REQUEST, False)
    assert str(error).startswith("runtime.payload: ")
    assert fake.requests == []


EVENTS = {"content-type": "text/event-stream"}
ANSWERS: dict[str, tuple[Whole | Pieces, dict[str, Any], str]] = {
    "text": (Whole(b"done", {"content-type": "text/plain"}), {}, "done"),
    "json text": (Whole(b'"done"'), {}, "done"),
    "json": (Whole(b'{"a": [1]}'), {}, '{"a": [1]}'),
    "json path": (Whole(b'{"out": {"text": "done"}}'), {"result": "out.text"}, "done"),
    "events of texts": (Pieces((b'data: "do"\n\n', b'data: "ne"\n\n'), EVENTS), {}, "done"),
    "events of bare words": (Pieces((b"data: do\r\n\r\ndata: ne\r\n\r\n",), EVENTS), {}, "done"),
    "events, last object": (
        Pieces((b'data: "thinking"\n\n: ping\n\ndata: {"r": "done"}\n\n',), EVENTS),
        {"result": "r"},
        "done",
    ),
}


@pytest.mark.parametrize(("answer", "paths", "text"), ANSWERS.values(), ids=ANSWERS)
async def test_observe_reads_every_form_of_answer(
    runtime: AgentCoreRuntime, fake: AgentCoreFake, answer: Response, paths: Any, text: str
):
    """JSON, text, or an event stream of either: agents answer as they like."""
    fake.add("InvokeAgentRuntime", answer)
    assert text_of(await look(runtime, fake, answer=paths)) == text


async def test_observe_declared_usage_and_cost_are_read(
    runtime: AgentCoreRuntime, fake: AgentCoreFake
):
    """An agent that tells what it used is believed."""
    fake.work({"r": "done", "in": 5, "out": 7, "usd": 0.0123})
    paths = {"result": "r", "input_tokens": "in", "output_tokens": "out", "cost_usd": "usd"}
    seen = await look(runtime, fake, answer=paths)
    assert seen.final is not None
    assert seen.final.usage is not None
    assert (seen.final.usage.tokens, seen.final.usage.cost_micros) == (12, 12_300)
    settings = AgentCoreSettings(arn=RUNTIME, answer=paths)  # pyright: ignore[reportArgumentType]
    assert KIND.promises(settings).usage
    assert KIND.promises(settings).cost


async def test_observe_stops_the_session_after_the_answer(
    runtime: AgentCoreRuntime, fake: AgentCoreFake
):
    """Idle minutes are billed, so none are left."""
    fake.work("done")
    seen = await look(runtime, fake, qualifier="live")
    assert fake.stopped == [KEY]
    assert fake.calls("StopRuntimeSession")[0].params["qualifier"] == "live"
    assert seen.final is not None
    assert seen.final.links == {}


async def test_observe_keeps_an_answer_whose_session_would_not_stop(
    runtime: AgentCoreRuntime, fake: AgentCoreFake
):
    """The answer is worth more than the idle minutes, which are told beside it."""
    fake.work("done")
    fake.add("StopRuntimeSession", Failure(500, "InternalServerException", "Oh."))
    seen = await look(runtime, fake)
    assert text_of(seen) == "done"
    assert seen.final is not None
    assert "idles until its timeout" in seen.final.links["session_left"]


async def test_observe_reports_every_piece_under_the_same_cursor(
    runtime: AgentCoreRuntime, fake: AgentCoreFake
):
    """Progress is seen piece by piece, as it comes."""
    reports = Reports()
    fake.stream('"one"', '"two"', between=0.05)
    await look(runtime, fake, reports)
    assert reports.texts == ["calls the agent", "13 bytes of the answer", "26 bytes of the answer"]
    assert {cursor for cursor, _ in reports.seen} == {""}


async def test_observe_silence_longer_than_inactivity_is_timeout(
    runtime: AgentCoreRuntime, fake: AgentCoreFake
):
    """The connection is held as long as silence is allowed, and no longer."""
    fake.add("InvokeAgentRuntime", Hang())
    error = await failure_of(look(runtime, fake, inactivity="300ms"))
    assert (error.category, error.maybe_billed) == (C.TIMEOUT, True)


async def test_observe_cancelled_stops_watching_and_cancel_stops_the_session(
    runtime: AgentCoreRuntime, fake: AgentCoreFake
):
    """Whoever no longer listens has stopped nothing; `cancel` does, and may be repeated."""
    fake.stream('"one"', '"two"', cut=1, how="silence")
    asked, reports = request(block(fake)), Reports()
    session = await runtime.submit(asked)
    watching = asyncio.create_task(runtime.observe(session, asked, "", reports))
    await fake.requests_arrived(1)
    threads = [t for t in threading.enumerate() if t.name == "rota-bedrock-agentcore"]
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    for thread in threads:
        await asyncio.to_thread(thread.join, 5)
        assert not thread.is_alive()
    assert fake.stopped == []
    assert (await runtime.cancel(session, asked.settings)).confirmed
    fake.add("StopRuntimeSession", Failure(404, "ResourceNotFoundException"))
    again = await runtime.cancel(session, asked.settings)
    assert (again.confirmed, again.text) == (True, "AgentCore has no such session any more")
    tokens = {call.params["clientToken"] for call in fake.calls("StopRuntimeSession")}
    assert len(tokens) == 1


async def test_answer_is_noted_and_collect_cannot_be_asked(
    runtime: AgentCoreRuntime, fake: AgentCoreFake
):
    """There is one call, and its answer is given once."""
    asked = request(block(fake))
    session = await runtime.submit(asked)
    assert await runtime.answer(session, asked, Told(), again=False) == session
    error = await failure_of(runtime.collect(session, asked, ""))
    assert error.category is C.OUTCOME_UNKNOWN
    assert fake.requests == []
