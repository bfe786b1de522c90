"""n8n workflows as a session runtime: started by webhook, found, watched and stopped by API.

Runs in an activity. An execution is known by its id, which the workflow answers at once, or
else by the key that Rota sent: it stands in the execution's own data.
"""

import time
from typing import Any, cast

from activities.callbacks import MISSING, offered, reminded
from activities.providers.called import poll_or_called
from activities.providers.declared_settings import read_settings
from activities.providers.ended_calls import EndedCalls
from activities.providers.json_calls import JsonCalls
from activities.providers.mapped_answers import mapped_answer, value_at
from activities.providers.polling import Still, poll
from activities.providers.probing import probed
from activities.runtimes.n8n_api import VENDOR, N8nApi
from activities.runtimes.n8n_executions import collected, standing, status_of, waits_for
from activities.runtimes.n8n_stop import stop
from rota.conversation import Message
from rota.failures import FailureCategory, StepError
from rota.language.templates import TemplateError, render
from rota.runtime_specs.base import RuntimeSettings
from rota.runtime_specs.n8n import CALLBACK, N8nSettings
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

APPEAR_SECONDS = 60.0
"""How long an execution that was started may stay out of every list."""

_NOTHING = Message(role="assistant", content=())


class N8nRuntime:
    """Implements `rota.runtimes.session.SessionRuntime` for `kind: n8n`.

    Args:
        resolve_secret: Returns the value behind `env:NAME` or `file:/path`, or raises
            LookupError naming the reference only.

    One instance serves a worker's whole event loop; connections are kept between calls.
    """

    def __init__(self, resolve_secret: SecretReader) -> None:
        self._resolve_secret = resolve_secret
        self._client = JsonCalls()
        self._answered = EndedCalls()

    async def submit(self, request: SessionRequest) -> ProviderSession:
        """Call the webhook; without API key only name the session.

        Raises:
            StepError: classified; `maybe_billed` where an execution may have begun.

        **Idempotency:** none on n8n's side; see `find`.
        """
        settings = read_settings(N8nSettings, request.settings)
        if settings.api_key is None:
            return _named(settings, request.key, None)
        answer = await self._api(settings).call_webhook(_body(settings, request), request.key)
        found = value_at(answer, settings.execution)
        known = isinstance(found, str | int) and not isinstance(found, bool) and str(found)
        return _named(settings, request.key, known or None)

    async def find(self, request: SessionRequest) -> ProviderSession | None:
        """Look for an execution that was given this start's key, in every list there is.

        Without API key the session is named again: nothing is started before it is watched.
        """
        settings = read_settings(N8nSettings, request.settings)
        if settings.api_key is None:
            return _named(settings, request.key, None)
        found = await self._api(settings).find(request.key)
        return _named(settings, request.key, found) if found else None

    async def observe(
        self, session: ProviderSession, request: SessionRequest, cursor: str, report: Report
    ) -> Observation:
        """Watch the execution; without API key, call the webhook and have its answer.

        Raises:
            StepError: classified; `outcome_unknown` if n8n does not know the execution.
        """
        settings = read_settings(N8nSettings, request.settings)
        api = self._api(settings)
        if settings.api_key is None:
            answer = await self._answer_of(api, session, request)
            final = mapped_answer(answer, settings.answer, vendor=f"{VENDOR}'s webhook")
            return Observation(state=SessionState.ENDED, message=final.message, final=final)
        id = await self._id(api, session, settings)

        seen = cursor

        async def look() -> Observation | Still:
            nonlocal seen
            execution = await _known(api, id)
            stands = standing(execution)
            if stands == "ended":
                return Observation(state=SessionState.ENDED, message=_NOTHING, cursor="ended")
            if stands == "waiting":
                execution = await _known(api, id, data=True)
                # It may have gone on between the two looks.
                waits = waits_for(execution) if standing(execution) == "waiting" else None
                if waits:
                    return Observation(
                        state=SessionState.PERSON, message=_NOTHING, cursor=waits, waiting=waits
                    )
            status, moved = status_of(execution), status_of(execution) != seen
            if moved:
                report(status, f"execution {id}: {status}")
                seen = status
            return Still(progress=moved)

        return await poll_or_called(look, settings)

    async def answer(
        self, session: ProviderSession, request: SessionRequest, told: Told, again: bool
    ) -> ProviderSession:
        """Refuse: a workflow is told its task once.

        Raises:
            StepError: `invalid_request`, always.
        """
        raise StepError(FailureCategory.INVALID_REQUEST, "an n8n workflow is told its task once")

    async def collect(
        self, session: ProviderSession, request: SessionRequest, cursor: str
    ) -> Collected:
        """Read the result from the execution's data.

        Raises:
            StepError: `tool_failed`: it failed or was stopped in n8n; `outcome_invalid`: its
                data are not there, or not as declared; `outcome_unknown`: it is gone.
        """
        settings = read_settings(N8nSettings, request.settings)
        if settings.api_key is None:
            raise StepError(
                FailureCategory.OUTCOME_UNKNOWN, "the webhook answers once; its answer was lost"
            )
        api = self._api(settings)
        id = await self._id(api, session, settings)
        end = collected(await _known(api, id, data=True), settings)
        links = {"execution": session.url or f"{settings.instance}: execution {id}"}
        return end.model_copy(update={"links": links})

    async def cancel(self, session: ProviderSession, settings: dict[str, Any]) -> Stopped:
        """Stop the execution, and look until it has stopped."""
        declared = read_settings(N8nSettings, settings)
        if session.id in self._answered:
            return Stopped(confirmed=True, text="the webhook has answered")
        if declared.api_key is None:
            text = "without runtime.api_key n8n cannot be asked to stop"
            return Stopped(confirmed=False, text=text)
        return await stop(self._api(declared), session)

    def call_has_ended(self, session: ProviderSession) -> bool:
        """Without API key: whether the webhook has answered, well or not."""
        return session.id in self._answered

    async def probe(self, settings: RuntimeSettings) -> Probe:
        """List one execution with the key; without one, see whether the instance is up."""
        found = await probed(self.look(settings), "check runtime.api_key and base_url")
        return reminded(found, settings)

    async def look(self, settings: RuntimeSettings) -> str:
        """See whether a run could be watched: the webhook would be called all the same."""
        assert isinstance(settings, N8nSettings)
        api = self._api(settings)
        if settings.api_key is None:
            await api.healthy()
            return f"{settings.instance} is up; no api_key is declared"
        await api.listed()
        return f"{settings.instance} takes the API key"

    async def aclose(self) -> None:
        """Close all connections; calls in flight fail. Safe to repeat."""
        await self._client.aclose()

    def _api(self, settings: N8nSettings) -> N8nApi:
        return N8nApi(settings, self._client, self._resolve_secret)

    async def _answer_of(
        self, api: N8nApi, session: ProviderSession, request: SessionRequest
    ) -> Any:
        """Call the webhook, and remember that it has answered, well or not."""
        self._answered.discard(session.id)
        try:
            answer = await api.call_webhook(_body(api.settings, request), request.key)
        except StepError as error:
            if error.category is FailureCategory.TOOL_FAILED or not error.maybe_billed:
                self._answered.add(session.id)
            raise
        self._answered.add(session.id)
        return answer

    async def _id(self, api: N8nApi, session: ProviderSession, settings: N8nSettings) -> str:
        """The execution's id, looked for if the webhook did not answer it."""
        known = session.data.get("execution")
        if known:
            return str(known)
        until = time.monotonic() + APPEAR_SECONDS

        async def look() -> str | Still:
            found = await api.find(session.data["key"])
            if found is None and time.monotonic() > until:
                raise StepError(
                    FailureCategory.OUTCOME_UNKNOWN,
                    f"{VENDOR}: the webhook was called, but no execution has its key; let the "
                    "workflow answer with its execution's id (runtime.execution) and save "
                    "its executions",
                    maybe_billed=True,
                )
            return found or Still(progress=False)

        return await poll(look, settings.poll)


def _named(settings: N8nSettings, key: str, execution: str | None) -> ProviderSession:
    url = ""
    if execution and settings.workflow:
        url = f"{settings.instance}/workflow/{settings.workflow}/executions/{execution}"
    data = {"key": key, "execution": execution}
    return ProviderSession(kind="n8n", id=execution or f"key {key}", url=url, data=data)


async def _known(api: N8nApi, id: str, *, data: bool = False) -> dict[str, Any]:
    execution = await api.execution(id, data=data)
    if execution is None:
        raise StepError(
            FailureCategory.OUTCOME_UNKNOWN,
            f"{VENDOR} does not know execution {id}; is it pruned, or does the workflow not save "
            "its executions?",
            maybe_billed=True,
        )
    return execution


def _body(settings: N8nSettings, request: SessionRequest) -> Any:
    scope = {
        "task": request.opening.text,
        "instructions": request.system,
        "key": request.key,
        "run": request.run_id,
    } | request.context
    callback = _callback(settings, request)
    if settings.body is None:
        body: Any = {**scope, "output_schema": request.output_schema}
        body.pop("key")
    else:
        try:
            body = render(settings.body, scope | callback)
        except TemplateError as error:
            raise StepError(FailureCategory.INVALID_REQUEST, f"runtime.body: {error}") from error
    if isinstance(body, dict):
        named = {f"rota_{name}": address for name, address in callback.items()}
        return {**cast("dict[str, Any]", body), **named, "rota_key": request.key}
    return body


def _callback(settings: N8nSettings, request: SessionRequest) -> dict[str, str]:
    """The address that the workflow is to call, by the name that templates know it by."""
    if not settings.callback:
        return {}
    callbacks = offered()
    if callbacks is None:
        raise StepError(FailureCategory.INVALID_REQUEST, MISSING)
    return {CALLBACK: callbacks.waking_address(request.inbox)}
