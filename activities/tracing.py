"""Spans of what activities do: calls of models, sessions and tools.

Activity side. Who records them, and whether anybody does, the worker says around each activity;
without that these do nothing, and nothing of OpenTelemetry is imported.
"""

import asyncio
import logging
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Protocol

from temporalio.exceptions import CancelledError

from activities.secrets import Secrets
from activities.step_meter import CANCELLED, outcome_of
from activities.stores.base import ObjectStore, StoreError
from rota import span_content, spans
from rota.agent_spec import RuntimeSpec
from rota.conversation import Message, ModelReply, ModelRequest, ToolCall
from rota.spans import Operation
from rota.tools import ToolDefinition
from rota.turns.loop import TurnOutcome

log = logging.getLogger("rota.tools")

Values = Mapping[str, str | int | float | tuple[str, ...]]


class Recorder(Protocol):
    """Records spans below the one that is current."""

    content: bool
    """Whether words are recorded, too."""

    def span(self, name: str, attributes: Values, *, remote: bool) -> AbstractContextManager["Set"]:
        """A span while the block lasts; `remote` if somebody else does the work."""
        ...

    def place(self) -> str:
        """Where we are, as W3C's `traceparent`; empty outside any trace."""
        ...

    def at(self, place: str) -> AbstractContextManager[None]:
        """Go on at `place` while the block lasts; empty: in no trace."""
        ...


class Set(Protocol):
    """Takes attributes of a span."""

    def __call__(self, attributes: Values, *, failed: bool = False) -> None:
        """Set them; `failed` marks the span as an error."""
        ...


_RECORDER: ContextVar[Recorder | None] = ContextVar("rota_recorder", default=None)


@contextmanager
def recorded_by(recorder: Recorder) -> Generator[None]:
    """Have spans of the block recorded; set around each activity."""
    token = _RECORDER.set(recorder)
    try:
        yield
    finally:
        _RECORDER.reset(token)


class Span:
    """A span under way, or none: then it takes what it is told and drops it."""

    def __init__(self, set: Set | None = None, *, content: bool = False) -> None:
        self._set = set
        self._content = content

    def answered(self, reply: ModelReply, cost_micros: int | None) -> None:
        """A model has answered."""
        if self._set is None:
            return
        usage = reply.usage.model_copy(update={"cost_micros": cost_micros})
        self._set(spans.answered(reply.stop, reply.model, usage, reply.request_id))
        if self._content:
            said = Secrets().cut_out(reply.message)
            text = span_content.answer(said, spans.finish_reason(reply.stop))
            self._set({"gen_ai.output.messages": text})

    def turned(self, outcome: TurnOutcome) -> None:
        """A session has come to the end of a turn."""
        if self._set is not None:
            self._set(spans.answered(outcome.stop, outcome.model, outcome.usage, None))

    def failed(self, kind: str) -> None:
        """It went wrong, though nothing is raised."""
        if self._set is not None:
            self._set({"error.type": kind}, failed=True)

    async def read(self, store: ObjectStore, digest: str) -> None:
        """What the model reads of a tool's call."""
        if self._set is None or not self._content or not digest:
            return
        try:
            text = (await store.get(digest)).decode(errors="replace")
        except StoreError as error:
            # A call that was made must not be made again for want of a trace.
            log.warning("a result is missing in the trace: %s", error)
        else:
            self._set({"gen_ai.tool.call.result": span_content.cut(Secrets().redact(text))})


@contextmanager
def model_span(
    asks: RuntimeSpec, request: ModelRequest, added: Sequence[Message], conversation: str
) -> Generator[Span]:
    """Record one call of a model."""
    recorder = _RECORDER.get()
    if recorder is None:
        yield Span()
        return
    told: dict[str, str] = {}
    if recorder.content:
        cut_out = Secrets().cut_out
        told["gen_ai.system_instructions"] = span_content.instructions(
            Secrets().redact(request.system)
        )
        told["gen_ai.input.messages"] = span_content.messages([cut_out(each) for each in added])
    known = spans.asked(Operation.CHAT, asks.kind, asks.model, conversation)
    with _span(recorder, f"chat {asks.model or asks.kind}", {**known, **told}, remote=True) as span:
        yield span


@contextmanager
def session_span(
    operation: Operation, kind: str, model: str | None, conversation: str
) -> Generator[Span]:
    """Record one look at what a provider does by itself, or the reading of its answer."""
    recorder = _RECORDER.get()
    if recorder is None:
        yield Span()
        return
    known = spans.asked(operation, kind, model, conversation)
    with _span(recorder, f"{operation.value} {model or kind}", known, remote=True) as span:
        yield span


@contextmanager
def tool_span(tool: ToolDefinition, call: ToolCall, conversation: str) -> Generator[Span]:
    """Record one attempt at a call of a tool."""
    recorder = _RECORDER.get()
    if recorder is None:
        yield Span()
        return
    told: dict[str, str] = {}
    if recorder.content:
        text = Secrets().cut_out(call).model_dump_json(include={"args"})
        told["gen_ai.tool.call.arguments"] = span_content.cut(text[len('{"args":') : -1])
    known: dict[str, str] = {
        "gen_ai.operation.name": Operation.EXECUTE_TOOL.value,
        "gen_ai.tool.name": tool.name,
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": call.id,
        "gen_ai.conversation.id": conversation,
        "rota.tool.effect": tool.effect.value,
    }
    with _span(recorder, f"execute_tool {tool.name}", {**known, **told}, remote=False) as span:
        yield span


def place() -> str:
    """Where in which trace this is, for what is started later by somebody else."""
    recorder = _RECORDER.get()
    return recorder.place() if recorder else ""


def at(place: str) -> AbstractContextManager[None]:
    """Let what is started in the block go on at `place`; empty: let it begin a trace."""
    recorder = _RECORDER.get()
    return recorder.at(place) if recorder else nullcontext()


@contextmanager
def _span(recorder: Recorder, name: str, attributes: Values, *, remote: bool) -> Generator[Span]:
    with recorder.span(name, attributes, remote=remote) as set:
        try:
            yield Span(set, content=recorder.content)
        except (asyncio.CancelledError, CancelledError):
            set({"error.type": CANCELLED}, failed=True)
            raise
        except BaseException as error:
            # Its category alone: its text may hold what was said.
            set({"error.type": outcome_of(error)}, failed=True)
            raise
