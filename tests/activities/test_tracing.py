"""What activities tell whoever records traces: content if it is wanted, secrets never."""

import asyncio
import json
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from activities import tracing
from activities.secrets import Secrets
from activities.stores.local import LocalStore
from activities.tracing import Set, Values, model_span, recorded_by, tool_span
from rota.agent_spec import RuntimeSpec
from rota.conversation import Message, ModelReply, ModelRequest, StopReason, Text, ToolCall
from rota.failures import FailureCategory, StepError
from rota.spans import ATTRIBUTES, CONTENT
from rota.steps import SessionInput
from rota.tools import tool
from rota.usage import Usage
from tests.activities.session_bench import Bench

SECRET = "planted-in-what-is-said"
ASKS = RuntimeSpec(kind="anthropic", model="m-1")
REQUEST = ModelRequest(settings={}, system=f"Never say {SECRET}.", messages=())
ADDED = (Message(role="user", content=(Text(text=f"use {SECRET}"),)),)
REPLY = ModelReply(
    message=Message(role="assistant", content=(Text(text=f"I use {SECRET}"),)),
    stop=StopReason.END_TURN,
    usage=Usage(input_tokens=5),
    model="m-1-2026",
)


class Heard:
    """Keeps what it is told."""

    def __init__(self, *, content: bool) -> None:
        self.content = content
        self.names: list[str] = []
        self.attributes: dict[str, Any] = {}
        self.ended: list[dict[str, Any]] = []
        self.failed = False

    @contextmanager
    def span(self, name: str, attributes: Values, *, remote: bool) -> Generator[Set]:
        def set(attributes: Values, *, failed: bool = False) -> None:
            self.attributes |= attributes
            self.failed |= failed

        self.names.append(name)
        self.attributes = {}
        set(attributes)
        yield set
        self.ended.append(self.attributes)

    def place(self) -> str:
        return "here"

    def at(self, place: str) -> AbstractContextManager[None]:
        return nullcontext()


@tool(name="books.post", effect="write")
def post(page: str) -> str:
    """Post."""
    return page


@pytest.fixture(autouse=True)
def planted() -> None:
    """A secret that was given out in this process."""
    Secrets().keep_out(SECRET)


async def told(recorder: Heard, folder: Path) -> dict[str, Any]:
    """What is recorded of a model's answer and of a tool's call."""
    store = LocalStore(folder)
    call = ToolCall(id="c1", name="books.post", args={"page": f"7 {SECRET}"})
    with recorded_by(recorder):
        with model_span(ASKS, REQUEST, ADDED, "clerk/default") as span:
            span.answered(REPLY, 12)
        with tool_span(post, call, "clerk/default") as span:
            await span.read(store, await store.put(f"posted with {SECRET}".encode()))
    return recorder.ended[0] | recorder.ended[1]


async def test_content_is_recorded_only_if_it_is_wanted(tmp_path: Path) -> None:
    """Numbers and names always; words never unless somebody asks for them."""
    quiet = await told(Heard(content=False), tmp_path)
    assert set(quiet) <= set(ATTRIBUTES)
    assert quiet["gen_ai.response.model"] == "m-1-2026"
    full = await told(Heard(content=True), tmp_path)
    assert set(full) - set(quiet) == set(CONTENT)


async def test_content_is_recorded_without_secrets(tmp_path: Path) -> None:
    """As the transcript has it: cut out, wherever it stands."""
    full = await told(Heard(content=True), tmp_path)
    assert SECRET not in json.dumps(full)
    assert full["gen_ai.tool.call.result"] == "posted with [redacted]"
    assert json.loads(full["gen_ai.tool.call.arguments"]) == {"page": "7 [redacted]"}
    (said,) = json.loads(full["gen_ai.output.messages"])
    assert said["parts"] == [{"type": "text", "content": "I use [redacted]"}]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (StepError(FailureCategory.RATE_LIMITED, SECRET), "rate_limited"),
        (ValueError(SECRET), "other"),
        (asyncio.CancelledError(), "cancelled"),
    ],
)
def test_failure_is_told_by_its_category_alone(error: BaseException, kind: str) -> None:
    """Its words may be anybody's."""
    recorder = Heard(content=True)
    with (
        pytest.raises(type(error)),
        recorded_by(recorder),
        model_span(ASKS, REQUEST, (), "clerk/default"),
    ):
        raise error
    assert recorder.failed
    assert recorder.attributes["error.type"] == kind
    assert SECRET not in json.dumps(recorder.attributes)


async def test_without_a_recorder_nothing_is_read_and_nothing_said(tmp_path: Path) -> None:
    """An object that is not there would be missed if it were asked for."""
    with model_span(ASKS, REQUEST, ADDED, "clerk/default") as span:
        span.answered(REPLY, None)
        await span.read(LocalStore(tmp_path), "0" * 64)
    assert tracing.place() == ""


async def test_result_that_cannot_be_read_fails_no_call(tmp_path: Path) -> None:
    """The call was made: a trace is no reason to make it again."""
    recorder = Heard(content=True)
    with recorded_by(recorder), model_span(ASKS, REQUEST, (), "clerk/default") as span:
        await span.read(LocalStore(tmp_path), "0" * 64)
    assert "gen_ai.tool.call.result" not in recorder.attributes


async def test_session_is_watched_and_read_and_its_tokens_are_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who looks again at what is on record does no work, so there is no span of it."""
    bench, recorder = Bench(tmp_path, monkeypatch), Heard(content=False)
    await bench.open()
    session = await bench.submit()
    with recorded_by(recorder):
        for _ in range(2):
            seen = await bench.observe()
            input = bench.input(session=session, cursor=seen.cursor)
            collect = bench.activities.collect_session
            await bench.environment().run(collect, SessionInput.model_validate(input))
    assert recorder.names == ["invoke_agent double", "fetch_response double"]
    assert ["gen_ai.usage.input_tokens" in each for each in recorder.ended] == [False, True]
    assert {each["gen_ai.conversation.id"] for each in recorder.ended} == {"agent/"}
