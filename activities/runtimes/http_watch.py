"""Watching work that a declared service does: asking it, or waiting for its call."""

import contextlib
import time

from activities.callbacks import MISSING, offered
from activities.providers.called import SAFETY_LOOKS
from activities.providers.mapped_answers import mapped_answer
from activities.providers.polling import Still
from activities.runtimes.http_calls import HttpCalls, session_scope
from activities.runtimes.http_states import Standing, standing
from rota.conversation import Message
from rota.failures import FailureCategory, StepError
from rota.runtimes.session import (
    Collected,
    Observation,
    ProviderSession,
    Report,
    SessionRequest,
    SessionState,
)

_NOTHING = Message(role="assistant", content=())


class Looks:
    """Looks at one session, again and again."""

    def __init__(
        self,
        calls: HttpCalls,
        session: ProviderSession,
        request: SessionRequest,
        cursor: str,
        report: Report,
    ) -> None:
        self._calls = calls
        self._session = session
        self._request = request
        self._cursor = cursor
        self._report = report
        self._asked = time.monotonic()

    async def look(self) -> Observation | Still:
        """Look for a callback if one may come, and ask the service if it is time to."""
        settings = self._calls.settings
        if settings.mode == "callback":
            callbacks = offered()
            if callbacks is None:
                raise StepError(FailureCategory.INVALID_REQUEST, MISSING)
            if await callbacks.delivered(self._request.inbox) is not None:
                return Observation(state=SessionState.ENDED, message=_NOTHING)
            due = time.monotonic() >= self._asked + SAFETY_LOOKS.total_seconds()
            if settings.status is None or not due:
                # Looking into our own store costs little.
                return Still(progress=True, asked=False)
            self._asked = time.monotonic()
        return self._judged(await stands(self._calls, self._session))

    def _judged(self, seen: Standing) -> Observation | Still:
        if seen.has_ended:
            return Observation(
                state=SessionState.ENDED,
                message=_NOTHING,
                cursor=seen.word,
                final=self._answer_in(seen),
            )
        if seen.state == "waiting":
            waiting = f"{self._calls.settings.account}: {seen.word}"
            return Observation(
                state=SessionState.PERSON, message=_NOTHING, cursor=seen.word, waiting=waiting
            )
        mark = f"{seen.word} {seen.progress}".strip()[:200]
        moved = mark != self._cursor
        if moved:
            self._cursor = mark
            self._report(mark, mark)
        return Still(progress=moved)

    def _answer_in(self, seen: Standing) -> Collected | None:
        """The answer, if the look that found the end has it: the service need not be asked again.

        What is wrong with it, or with the work, `collect` says, which reads it for itself.
        """
        settings = self._calls.settings
        if settings.mode != "poll" or settings.result is not None or seen.state != "done":
            return None
        with contextlib.suppress(StepError):
            return mapped_answer(seen.document, settings.answer, vendor=settings.account)
        return None


async def stands(
    calls: HttpCalls, session: ProviderSession, *, gone_is_an_end: bool = False
) -> Standing:
    """Ask how far the work is.

    Args:
        calls: Sends the declared requests.
        session: The work.
        gone_is_an_end: Work that the service no longer knows has ended.

    Raises:
        StepError: classified by the answer; `outcome_unknown` if the work is gone.
    """
    status = calls.settings.status
    assert status is not None
    reply = await calls.send("status", session_scope(session))
    seen = standing(reply, status, calls.peer("status"))
    if seen.state == "gone" and not gone_is_an_end:
        raise StepError(
            FailureCategory.OUTCOME_UNKNOWN,
            f"{calls.settings.account} no longer knows {session.id} ({seen.word})",
            maybe_billed=True,
        )
    return seen
