"""Cursor cloud agents as a session runtime: an agent per conversation, a run per prompt.

There is no way to prepare an agent without starting it. So its id comes from the request's
key: a second start with the same id is refused, and the agent of the first one is read.

Source: Cursor, Cloud Agents API v1 (public beta).
"""

import asyncio
import logging
import uuid
from datetime import timedelta
from typing import Any, cast

from activities.providers.declared_settings import read_settings
from activities.providers.json_calls import JsonCalls
from activities.providers.json_fields import field, optional_field
from activities.providers.keys import read_key
from activities.providers.polling import Still, poll
from activities.providers.probing import probed
from activities.runtimes.cursor_api import VENDOR, CursorApi, Json
from activities.runtimes.cursor_results import (
    AT_WORK,
    answer_of,
    finished,
    links_of,
    usage_of,
)
from rota.conversation import Message, StopReason, Text
from rota.failures import FailureCategory, StepError
from rota.model import digest_of
from rota.runtime_specs.base import RuntimeSettings
from rota.runtime_specs.cursor import CursorSettings
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
from rota.usage import Usage

CONFIRM_SECONDS = 30.0
"""How long a cancelled run may take to end before that counts as not seen."""
COST_SECONDS = 20.0
"""How long the cost of a run is waited for after its end. Cursor tells it some seconds later."""

_log = logging.getLogger(__name__)


class CursorRuntime:
    """Implements `rota.runtimes.session.SessionRuntime` for `kind: cursor`.

    Args:
        resolve_secret: Returns the value behind `env:NAME` or `file:/path`.
        confirm_seconds: See `CONFIRM_SECONDS`.
        cost_seconds: See `COST_SECONDS`.
    """

    def __init__(
        self,
        resolve_secret: SecretReader,
        confirm_seconds: float = CONFIRM_SECONDS,
        cost_seconds: float = COST_SECONDS,
    ) -> None:
        self._resolve_secret = resolve_secret
        self._confirm_seconds = confirm_seconds
        self._cost_seconds = cost_seconds
        self._calls = JsonCalls()

    async def aclose(self) -> None:
        """Close all connections. Safe to repeat."""
        await self._calls.aclose()

    async def submit(self, request: SessionRequest) -> ProviderSession:
        """Begin an agent, or give the previous one its next prompt. Work starts at once.

        **Idempotency:** an agent's id is the request's; a next prompt has an idempotency key.
        """
        settings, api = self._open(request.settings)
        prompt = {"text": f"{request.system}\n\n{request.opening.text}"}
        if request.previous is not None:
            return await _go_on(api, request.previous, prompt, request.key)
        agent = agent_id(request.key)
        begun = await api.create(_new_agent(settings, request, agent, prompt), request.key)
        if begun is None:
            known = await api.agent(agent)
            begun = {"agent": known, "run": {"id": known.get("latestRunId")}}
        url = optional_field(begun, "agent.url", str, VENDOR) or ""
        session = ProviderSession(kind="cursor", id=agent, url=url)
        return _session(session, [field(begun, "run.id", str, VENDOR)])

    async def find(self, request: SessionRequest) -> ProviderSession | None:
        """Never called: a start is idempotent."""
        return None

    async def observe(
        self, session: ProviderSession, request: SessionRequest, cursor: str, report: Report
    ) -> Observation:
        """Ask for the run's status until it has ended."""
        settings, api = self._open(request.settings)
        runs = _runs(session)
        seen = cursor

        async def look() -> Json | Still:
            nonlocal seen
            run = await api.run(session.id, runs[-1])
            status = field(run, "status", str, VENDOR)
            if status not in AT_WORK:
                return run
            before, seen = seen, f"{runs[-1]} {status} {run.get('updatedAt', '')}"
            if seen != before:
                report(seen, status.lower())
            return Still(progress=seen != before)

        run = await poll(look, settings.poll)
        finished(run, session.id)
        text = optional_field(run, "result", str, VENDOR) or ""
        message = Message(role="assistant", content=(Text(text=text),) if text else ())
        return Observation(state=SessionState.ENDED, message=message, cursor=seen)

    async def answer(
        self, session: ProviderSession, request: SessionRequest, told: Told, again: bool
    ) -> ProviderSession:
        """Give the agent another prompt, which starts a run."""
        _, api = self._open(request.settings)
        if told.message is None:
            raise StepError(
                FailureCategory.INVALID_REQUEST,
                "runtime cursor calls no tools and asks for no decisions: it cannot be answered",
            )
        runs = _runs(session)
        if again:
            latest = field(await api.agent(session.id), "latestRunId", str, VENDOR)
            if latest != runs[-1]:
                return _session(session, [*runs, latest])
        body = {"prompt": {"text": told.message.text}}
        key = digest_of(f"{request.key} {len(runs)}".encode())
        begun = await api.prompt(session.id, body, key)
        return _session(session, [*runs, field(begun, "run.id", str, VENDOR)])

    async def collect(
        self, session: ProviderSession, request: SessionRequest, cursor: str
    ) -> Collected:
        """Read the answer, the branch and pull request, and what was used."""
        settings, api = self._open(request.settings)
        run = await api.run(session.id, _runs(session)[-1])
        if not finished(run, session.id):
            raise StepError(
                FailureCategory.TRANSIENT, f"the agent {session.id} of {VENDOR} still works"
            )
        answer = answer_of(run)
        return Collected(
            message=Message(role="assistant", content=(Text(text=answer),)),
            stop=StopReason.END_TURN,
            usage=await self._usage(api, session, settings.poll),
            model=settings.model or "",
            links=links_of(run),
        )

    async def cancel(self, session: ProviderSession, settings: dict[str, Any]) -> Stopped:
        """Cancel the newest run, and see that it has ended."""
        declared, api = self._open(settings)
        seen = "nothing was seen of it"

        async def look() -> str | Still:
            nonlocal seen
            status = field(await api.run(session.id, latest), "status", str, VENDOR)
            seen = f"its run is {status}"
            return Still(progress=False) if status in AT_WORK else seen

        try:
            agent = await api.agent(session.id)
            # A prompt whose answer was lost has begun a run that is not known here.
            latest = field(agent, "latestRunId", str, VENDOR)
            await api.cancel(session.id, latest)
            async with asyncio.timeout(self._confirm_seconds):
                ended = await poll(look, declared.poll)
            usage = usage_of(await api.usage(session.id), {*_runs(session), latest})
        except TimeoutError:
            text = f"{seen} {self._confirm_seconds:g} s after it was cancelled"
            return Stopped(confirmed=False, text=text)
        except StepError as error:
            if error.category is FailureCategory.OUTCOME_UNKNOWN:
                return Stopped(confirmed=True, text="it is not there")
            raise
        return Stopped(confirmed=True, text=ended, usage=usage)

    async def probe(self, settings: RuntimeSettings) -> Probe:
        """Ask whose key it is."""
        cure = "check runtime.api_key and runtime.base_url"
        return await probed(self.look(settings), cure)

    async def look(self, settings: RuntimeSettings) -> str:
        """See whether the key is taken."""
        declared = cast("CursorSettings", settings)
        key = read_key(self._resolve_secret, declared.api_key)
        me = await CursorApi(self._calls, declared, key).me()
        name = field(me, "apiKeyName", str, VENDOR)
        owner = optional_field(me, "userEmail", str, VENDOR) or "a service account"
        return f"key {name} of {owner}"

    async def _usage(self, api: CursorApi, session: ProviderSession, first: timedelta) -> Usage:
        """Wait a little for the cost, which comes late; without it the run is unpriced."""
        latest = Usage(cost_micros=None)

        async def look() -> Usage | Still:
            nonlocal latest
            latest = usage_of(await api.usage(session.id), _runs(session))
            return Still(progress=False) if latest.cost_micros is None else latest

        try:
            async with asyncio.timeout(self._cost_seconds):
                return await poll(look, first)
        except TimeoutError:
            _log.warning(
                "%s told no cost of agent %s within %g s of its end: the run is unpriced",
                *(VENDOR, session.id, self._cost_seconds),
            )
            return latest

    def _open(self, settings: dict[str, Any]) -> tuple[CursorSettings, CursorApi]:
        declared = read_settings(CursorSettings, settings)
        key = read_key(self._resolve_secret, declared.api_key)
        return declared, CursorApi(self._calls, declared, key)


def agent_id(key: str) -> str:
    """The agent's id for a request's key, in the form that the API wants."""
    return f"bc-{uuid.UUID(hex=key[:32], version=4)}"


def _new_agent(settings: CursorSettings, request: SessionRequest, agent: str, prompt: Json) -> Json:
    body: Json = {
        "agentId": agent,
        "name": f"{request.agent} {request.run_id}"[:100],
        "prompt": prompt,
        "mode": settings.mode,
        "autoCreatePR": settings.auto_pull_request,
        "workOnCurrentBranch": settings.work_on_ref,
    }
    if settings.model:
        body["model"] = {"id": settings.model}
    if settings.repos:
        wire = {"url": "url", "ref": "startingRef", "pull_request": "prUrl"}
        body["repos"] = [
            {wire[name]: value for name, value in repo.model_dump(exclude_none=True).items()}
            for repo in settings.repos
        ]
    return body


async def _go_on(
    api: CursorApi, previous: ProviderSession, prompt: Json, key: str
) -> ProviderSession:
    try:
        begun = await api.prompt(previous.id, {"prompt": prompt}, key)
    except StepError as error:
        if error.category is not FailureCategory.OUTCOME_UNKNOWN:
            raise
        raise StepError(
            FailureCategory.INVALID_REQUEST,
            f"session.continue: the agent {previous.id} of {VENDOR} is gone; begin a new one "
            "with session.continue: new",
        ) from None
    return _session(previous, [field(begun, "run.id", str, VENDOR)])


def _runs(session: ProviderSession) -> list[str]:
    """The runs of the agent that are this run's, oldest first."""
    return [*cast("list[str]", session.data["runs"])]


def _session(session: ProviderSession, runs: list[str]) -> ProviderSession:
    # What the agent did before is told apart by its runs: nothing has to be taken off.
    return session.model_copy(update={"told": True, "data": {"runs": runs}, "base": Usage()})
