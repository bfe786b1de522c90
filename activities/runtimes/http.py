"""Any service with an HTTP interface as a session runtime, by declared requests.

Runs in an activity. Three ways to an answer: it comes with the start (`sync`, and then the
watching makes the call), it is asked for (`poll`), or the service posts it to us
(`callback`, see `activities.callbacks`).
"""

import json
from typing import Any, NoReturn

from activities.callbacks import MISSING, offered, reminded
from activities.egress.network import PUBLIC, Network
from activities.providers.declared_settings import read_settings
from activities.providers.ended_calls import EndedCalls
from activities.providers.json_calls import JsonCalls, Peer, Reply, required
from activities.providers.mapped_answers import error_in, mapped_answer, value_at
from activities.providers.polling import poll
from activities.providers.probing import probed
from activities.runtimes.http_calls import HttpCalls, run_scope, session_scope, whole_task
from activities.runtimes.http_stop import stop
from activities.runtimes.http_watch import Looks, stands
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.base import RuntimeSettings
from rota.runtime_specs.http import HttpSettings
from rota.runtimes.kind import Probe
from rota.runtimes.session import (
    Collected,
    Observation,
    ProviderSession,
    Report,
    SessionRequest,
    SessionState,
    Stopped,
    Told,
)
from rota.tools import SecretReader

DATA_LIMIT = 1024
"""Bytes of what is kept of a start's answer: it stands in the run's history."""
INBOX = "rota_inbox"
"""Where a session that calls back keeps what its callback is found by."""


class HttpRuntime:
    """Implements `rota.runtimes.session.SessionRuntime` for `kind: http`.

    Args:
        resolve_secret: Returns the value behind `env:NAME` or `file:/path`, or raises
            LookupError naming the reference only.
        network: For tests: other addresses than those of the internet.

    One instance serves a worker's whole event loop; connections are kept between calls.
    """

    def __init__(self, resolve_secret: SecretReader, network: Network = PUBLIC) -> None:
        self._resolve_secret = resolve_secret
        self._client = JsonCalls()
        self._answered = EndedCalls()
        self._network = network

    async def submit(self, request: SessionRequest) -> ProviderSession:
        """Send `start` and keep what it answers; in mode sync only name the session.

        Raises:
            StepError: classified by the answer; `maybe_billed` where the work may have begun.

        **Idempotency:** the service's own, by the key in the declared header.
        """
        settings = read_settings(HttpSettings, request.settings)
        if settings.mode == "sync":
            return ProviderSession(kind="http", id=request.key)
        answer = required(*await self._start(settings, request))
        data: dict[str, Any] = {INBOX: request.inbox} if settings.mode == "callback" else {}
        for name, path in settings.keep.items():
            data[name] = _kept(answer, path, f"keep.{name}")
        if len(json.dumps(data)) > DATA_LIMIT:
            _invalid(f"what runtime.keep names is longer than {DATA_LIMIT} bytes")
        own_id = request.key if settings.id is None else str(_kept(answer, settings.id, "id"))
        return ProviderSession(kind="http", id=own_id, data=data)

    async def find(self, request: SessionRequest) -> ProviderSession | None:
        """Name the session again in mode sync, where nothing is started before it is watched.

        Otherwise there is no declared way to look for lost work.
        """
        settings = read_settings(HttpSettings, request.settings)
        return await self.submit(request) if settings.mode == "sync" else None

    async def observe(
        self, session: ProviderSession, request: SessionRequest, cursor: str, report: Report
    ) -> Observation:
        """Watch until there is an answer; in mode sync, ask for it.

        Raises:
            StepError: classified by the answer; `outcome_unknown` if the service no longer
                knows the work.
        """
        settings = read_settings(HttpSettings, request.settings)
        if settings.mode == "sync":
            self._answered.discard(session.id)
            reply, peer = await self._start(settings, request)
            self._answered.add(session.id)
            final = mapped_answer(required(reply, peer), settings.answer, vendor=peer.name)
            return Observation(state=SessionState.ENDED, message=final.message, final=final)
        looks = Looks(self._calls(settings), session, request, cursor, report)
        return await poll(looks.look, settings.poll)

    async def answer(
        self, session: ProviderSession, request: SessionRequest, told: Told, again: bool
    ) -> ProviderSession:
        """Refuse: a service is told its task once.

        Raises:
            StepError: `invalid_request`, always.
        """
        raise StepError(
            FailureCategory.INVALID_REQUEST, "a service behind runtime http is told its task once"
        )

    async def collect(
        self, session: ProviderSession, request: SessionRequest, cursor: str
    ) -> Collected:
        """Read the answer: the callback, or else what `result` or `status` says.

        Raises:
            StepError: `tool_failed`: the service says that it failed; `outcome_invalid`: the
                answer is not what is declared; `outcome_unknown`: it is gone.
        """
        settings = read_settings(HttpSettings, request.settings)
        calls = self._calls(settings)
        callbacks = offered()
        if settings.mode == "callback" and callbacks is not None:
            body = await callbacks.delivered(request.inbox)
            if body is not None:
                document = Reply(200, {}, body).document
                return mapped_answer(document, settings.answer, vendor=settings.account)
        if settings.mode == "sync" or settings.status is None:
            raise StepError(
                FailureCategory.OUTCOME_UNKNOWN,
                f"{settings.account} answered once, and its answer was lost",
            )
        seen = await stands(calls, session)
        if seen.state == "failed":
            said = error_in(seen.document, settings.answer) or f"state '{seen.word}'"
            raise StepError(FailureCategory.TOOL_FAILED, f"{settings.account} failed: {said}")
        if seen.state == "stopped":
            raise StepError(
                FailureCategory.TOOL_FAILED, f"{settings.account}: the work was cancelled there"
            )
        document = seen.document
        if settings.result is not None:
            reply = await calls.send("result", session_scope(session))
            document = required(reply, calls.peer("result"))
        return mapped_answer(document, settings.answer, vendor=settings.account)

    async def cancel(self, session: ProviderSession, settings: dict[str, Any]) -> Stopped:
        """Send `cancel` and look whether the work has ended, as far as that is declared."""
        declared = read_settings(HttpSettings, settings)
        calls = self._calls(declared)
        if session.id in self._answered or await _has_called(session):
            return Stopped(confirmed=True, text="the service has answered")
        return await stop(calls, session)

    def call_has_ended(self, session: ProviderSession) -> bool:
        """In mode sync: whether the service has answered, well or not."""
        return session.id in self._answered

    async def probe(self, settings: RuntimeSettings) -> Probe:
        """See whether the service's host answers; nothing is said of the credentials."""
        assert isinstance(settings, HttpSettings)
        return reminded(await probed(self.look(settings), "check runtime.start.url"), settings)

    async def look(self, settings: RuntimeSettings) -> str:
        """See whether the service's host answers, whatever it says."""
        assert isinstance(settings, HttpSettings)
        reply = await self._calls(settings).greet()
        return f"{settings.account} answers {reply.status}"

    async def aclose(self) -> None:
        """Close all connections; calls in flight fail. Safe to repeat."""
        await self._client.aclose()

    def _calls(self, settings: HttpSettings) -> HttpCalls:
        return HttpCalls(settings, self._client, self._resolve_secret, self._network)

    async def _start(self, settings: HttpSettings, request: SessionRequest) -> tuple[Reply, Peer]:
        callback = ""
        if settings.mode == "callback":
            callbacks = offered()
            if callbacks is None:
                raise StepError(FailureCategory.INVALID_REQUEST, MISSING)
            callback = callbacks.address(request.inbox)
        scope = run_scope(request, callback)
        calls = self._calls(settings)
        body = whole_task(request, scope)
        reply = await calls.send("start", scope, body=body, key=request.key)
        return reply, calls.peer("start")


async def _has_called(session: ProviderSession) -> bool:
    callbacks, place = offered(), session.data.get(INBOX)
    if callbacks is None or place is None:
        return False
    return await callbacks.delivered(place) is not None


def _kept(answer: Any, path: str, where: str) -> Any:
    found = value_at(answer, path)
    if found is None or isinstance(found, dict | list):
        _invalid(f"the answer to start has no usable '{path}' (runtime.{where})")
    return found


def _invalid(text: str) -> NoReturn:
    raise StepError(FailureCategory.OUTCOME_INVALID, text, maybe_billed=True)
