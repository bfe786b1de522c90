"""A session runtime in this process with a tiny provider behind it: what it promises is chosen.

For tests of what lies between a run and its session. The provider lives as long as the test,
so it outlives every attempt and every worker; the runtime keeps nothing between two calls.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import pytest

from activities.runtimes import kinds
from activities.runtimes.open import OpenRuntimes
from rota.conversation import Message, Text, ToolCall
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.base import CalledBy, SessionSettings
from rota.runtimes.kind import Capabilities, RuntimeKind, Shape
from rota.runtimes.kinds import BUILT_IN
from rota.runtimes.session import (
    Asked,
    Collected,
    Observation,
    ProviderSession,
    Report,
    SessionRequest,
    SessionState,
    Stopped,
    Told,
)
from tests.contract.double_provider import (
    Act,
    Asks,
    Calls,
    Ends,
    Fails,
    FakeProvider,
    FakeSession,
    Hangs,
    Says,
    Waits,
)

LOOK_SECONDS = 0.01
ALL = Capabilities(
    idempotent_start=True,
    reattach=True,
    tools=True,
    converse=True,
    cancel=True,
    confirm_cancel=True,
    usage=True,
    cost=True,
    persons=True,
)
"""What the double can do, unless a test takes something away."""


class DoubleSettings(SessionSettings):
    """`kind: double`."""

    kind: Literal["double"] = "double"
    repeatable: bool = False
    charged: str = ""
    """The account; nobody's, so that no breaker stands before it, unless a test has one."""
    one_call: bool = False
    callback: bool = False

    @property
    def called_by(self) -> CalledBy | None:
        """As declared."""
        return CalledBy.SESSION if self.callback else None

    @property
    def account(self) -> str:
        """As declared."""
        return self.charged

    @property
    def is_one_call(self) -> bool:
        """As declared."""
        return self.one_call


def _play(hooks: list[Callable[[], None]]) -> None:
    if hooks:
        hooks.pop(0)()


class DoubleRuntime:
    """A `SessionRuntime` over a `FakeProvider`."""

    def __init__(self, provider: FakeProvider) -> None:
        self._provider = provider

    async def submit(self, request: SessionRequest) -> ProviderSession:
        provider = self._provider
        provider.requests.append(request)
        _play(provider.before_start)
        known = await self.find(request)
        if known is not None and provider.knows_keys:
            return known
        provider.starts += 1
        id = f"s{provider.starts}"
        provider.sessions[id] = FakeSession(request.key)
        _play(provider.after_start)
        return self._named(id)

    async def find(self, request: SessionRequest) -> ProviderSession | None:
        for id, session in self._provider.sessions.items():
            if session.key == request.key:
                return self._named(id)
        return None

    async def observe(
        self, session: ProviderSession, request: SessionRequest, cursor: str, report: Report
    ) -> Observation:
        provider, fake = self._provider, self._fake(session)
        provider.looks.append(cursor)
        while True:
            act = provider.acts[fake.at]
            if isinstance(act, Fails):
                fake.at += 1
                raise act.error
            if isinstance(act, Says):
                fake.at += 1
                report(str(fake.at), act.text)
            seen = self._stop(act, fake, cursor, report)
            if seen is not None:
                return seen
            await asyncio.sleep(LOOK_SECONDS)

    def _stop(self, act: Act, fake: FakeSession, cursor: str, report: Report) -> Observation | None:
        """What there is to do now, if anything."""
        here = str(fake.at)
        match act:
            case Calls(calls):
                blocks = (
                    ToolCall(id=f"{here}-{number}", name=name, args=args)
                    for number, (name, args) in enumerate(calls)
                )
                return self._seen(SessionState.TOOLS, fake, *blocks)
            case Asks(questions, data):
                asked = tuple(Asked(id=text, text=text, data=data) for text in questions)
                return self._seen(SessionState.QUESTION, fake, questions=asked)
            case Waits(whom, tells_again):
                self._provider.looking.set()
                if fake.person_came:
                    fake.at += 1
                    report(str(fake.at), "goes on")
                elif tells_again or cursor != f"{here}-waits":
                    cursor = f"{here}-waits"
                    return self._seen(SessionState.PERSON, fake, waiting=whom, cursor=cursor)
            case Hangs():
                self._provider.looking.set()
            case Ends():
                once = self._provider.gives_answer_once
                final = self._collected(fake) if once else None
                return self._seen(SessionState.ENDED, fake, final=final)
            case _:
                pass
        return None

    async def answer(
        self, session: ProviderSession, request: SessionRequest, told: Told, again: bool
    ) -> ProviderSession:
        fake = self._fake(session)
        if again and told in fake.told:
            return session.model_copy(update={"told": True})
        fake.told.append(told)
        if session.told:
            fake.at += 1
            fake.answers += 1
        _play(self._provider.in_answer)
        return session.model_copy(update={"told": True})

    async def collect(
        self, session: ProviderSession, request: SessionRequest, cursor: str
    ) -> Collected:
        if self._provider.gives_answer_once:
            raise AssertionError("the answer was given with the observation")
        return self._collected(self._fake(session))

    async def cancel(self, session: ProviderSession, settings: dict[str, Any]) -> Stopped:
        provider = self._provider
        provider.stops += 1
        fake = provider.sessions.get(session.id)
        if fake is None:
            return Stopped(confirmed=True, text="it is not there")
        fake.stopped = True
        text = "stopped" if provider.confirms else "no answer to the request to stop"
        return Stopped(confirmed=provider.confirms, text=text, usage=provider.usage(fake))

    def _named(self, id: str) -> ProviderSession:
        return ProviderSession(
            kind="double",
            id=id,
            url=f"https://double.example/{id}",
            data={"region": "here"},
            told=self._provider.tells_at_start,
        )

    def _fake(self, session: ProviderSession) -> FakeSession:
        fake = self._provider.sessions.get(session.id)
        if fake is None:
            raise StepError(FailureCategory.OUTCOME_UNKNOWN, f"session {session.id} is gone")
        return fake

    def _seen(
        self, state: SessionState, fake: FakeSession, *blocks: ToolCall, **more: Any
    ) -> Observation:
        fields: dict[str, Any] = {
            "state": state,
            "message": Message(role="assistant", content=blocks),
            "cursor": str(fake.at),
            "usage": self._provider.usage(fake),
        }
        return Observation(**{**fields, **more})

    def _collected(self, fake: FakeSession) -> Collected:
        end = self._provider.acts[fake.at]
        assert isinstance(end, Ends)
        return Collected(
            message=Message(role="assistant", content=(Text(text=end.text),)),
            stop=end.stop,
            usage=self._provider.usage(fake),
            model="double-1",
            links=end.links,
        )


def double_kind(promises: Capabilities = ALL) -> RuntimeKind:
    """The kind, with what it promises."""
    return RuntimeKind(
        kind="double",
        shape=Shape.SESSION,
        summary="a double for tests",
        settings=DoubleSettings,
        capabilities=promises,
        implementation="tests.contract.double:DoubleRuntime",
    )


def install(monkeypatch: pytest.MonkeyPatch, provider: FakeProvider, **taken: Any) -> OpenRuntimes:
    """Make `double` a kind of this process, less or more able by `taken`; returns runtimes."""
    kind = double_kind(replace(ALL, **taken))
    known = dict(sorted({**BUILT_IN, "double": kind}.items()))
    monkeypatch.setattr(kinds, "runtime_kinds", lambda: known)
    return OpenRuntimes({"double": lambda: DoubleRuntime(provider)})
