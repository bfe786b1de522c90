"""One task with a runtime's object alone: no server, no record, nothing around it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from activities.runtimes.kinds import runtime_kind
from activities.runtimes.open import Closable, implementation
from activities.secrets import Secrets
from rota.conversation import Message, ModelRequest, ModelRuntime, Text
from rota.model import digest_of
from rota.runtimes.kind import Shape
from rota.runtimes.session import SessionRequest, SessionRuntime, Told
from tests.bench.vendors.by_hand import SYSTEM, TASK, OneTask

OPENING = Message(role="user", content=(Text(text=TASK),))


@asynccontextmanager
async def alone(settings: dict[str, Any]) -> AsyncIterator[OneTask]:
    """Open the runtime that the block names, as a worker does: once."""
    kind = runtime_kind(settings["kind"])
    runtime = implementation(kind)(Secrets())

    async def turn(word: str) -> str:
        request = ModelRequest(settings=settings, system=SYSTEM, messages=(OPENING,))
        reply = await cast("ModelRuntime", runtime).invoke(request)
        return reply.message.text

    async def session(word: str) -> str:
        return await _session(cast("SessionRuntime", runtime), settings, word)

    yield turn if kind.shape is Shape.MODEL else session
    if isinstance(runtime, Closable):
        await runtime.aclose()


async def _session(runtime: SessionRuntime, settings: dict[str, Any], word: str) -> str:
    key = digest_of(word.encode())
    request = SessionRequest(
        settings=settings,
        key=key,
        agent="clerk",
        run_id=word,
        run_key=word,
        labels={"rota_key": key, "rota_run": word, "rota_agent": "clerk"},
        system=SYSTEM,
        opening=OPENING,
        context={"input": {}, "memory": {}, "covers": None, "slot": None, "run": word},
    )
    session = await runtime.submit(request)
    if not session.told:
        session = await runtime.answer(session, request, Told(message=OPENING), again=False)
    seen = await runtime.observe(session, request, "", lambda cursor, text: None)
    end = seen.final or await runtime.collect(session, request, seen.cursor)
    return end.message.text
