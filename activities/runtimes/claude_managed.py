"""Claude Managed Agents as a session runtime: a session per run, told, watched, answered.

A session is created empty and then told its task, so a crash between the two costs nothing:
the empty one is found by what Rota wrote on it. Watching is asking for new events again and
again, since the API's stream cannot be taken up where it broke.

A session goes idle whenever it has nothing to do, also before it was ever told anything. It
has ended when it worked, is idle, waits for no answer, and no agent that it called works.

Source: anthropic SDK 2.12, beta `managed-agents-2026-04-01`.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

from activities.providers.called import poll_or_called
from activities.providers.declared_settings import read_settings
from activities.providers.json_fields import field
from activities.providers.polling import Still
from activities.providers.probing import probed
from activities.runtimes.claude_managed_api import ManagedApi, ManagedApis
from activities.runtimes.claude_managed_events import Place
from activities.runtimes.claude_managed_result import last_answer
from activities.runtimes.claude_managed_start import (
    as_session,
    create,
    raise_budget,
    take_up,
)
from activities.runtimes.claude_managed_stop import stop_session
from activities.runtimes.claude_managed_telling import events_for, message_id, not_yet_told
from activities.runtimes.claude_managed_watch import Watch
from activities.runtimes.claude_managed_wire import VENDOR, SessionView
from rota.conversation import Message, Text
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.base import RuntimeSettings
from rota.runtime_specs.claude_managed import ClaudeManagedSettings
from rota.runtimes.kind import Probe
from rota.runtimes.session import (
    Collected,
    Observation,
    ProviderSession,
    Report,
    SessionRequest,
    Stopped,
    Told,
)
from rota.tools import SecretReader

KEY_LABEL = "rota_key"
"""What a session is found by."""

LOOK_BACK = timedelta(days=2)
"""How old a session of an earlier attempt may be. Attempts at one start are minutes apart,
unless all workers are down: two days leave time to repair them."""


class ClaudeManagedRuntime:
    """Implements `rota.runtimes.session.SessionRuntime` for `kind: claude-managed`.

    Args:
        resolve_secret: Returns the value behind `env:NAME` or `file:/path`, or raises
            LookupError naming the reference only.
    """

    def __init__(self, resolve_secret: SecretReader) -> None:
        self._resolve_secret = resolve_secret
        self._apis = ManagedApis(resolve_secret)

    async def aclose(self) -> None:
        """Close all connections. Safe to repeat."""
        await self._apis.aclose()

    async def submit(self, request: SessionRequest) -> ProviderSession:
        """Create an empty session, or take up the previous one. Spends nothing."""
        settings, api = self._open(request.settings)
        if request.previous is not None:
            return await take_up(api, request, request.previous)
        return await create(api, settings, request, self._resolve_secret)

    async def find(self, request: SessionRequest) -> ProviderSession | None:
        """Look for an empty session with this request's key; archive all but the first.

        A session that goes on is found by its id: nothing is looked for.
        """
        if request.previous is not None:
            return None
        settings, api = self._open(request.settings)
        since = (datetime.now(UTC) - LOOK_BACK).isoformat()
        ours = [
            SessionView.read(data)
            async for data in api.sessions(settings.agent, since)
            if field(data, "metadata", dict, VENDOR).get(KEY_LABEL) == request.key
        ]
        for double in ours[1:]:
            await api.archive(double.id)
        return as_session(settings.base_url, ours[0]) if ours else None

    async def observe(
        self, session: ProviderSession, request: SessionRequest, cursor: str, report: Report
    ) -> Observation:
        """Ask for events until the session stops; see the protocol.

        What a later attempt resumes from is where this one began: what the session said since
        its last stop is needed whole, and reading it again changes nothing.
        """
        settings, api = self._open(request.settings)
        began = cursor or str(session.data.get("from", ""))
        watch = Watch(api, settings.confirm, session.id, request.tools, Place.parse(began))

        async def look() -> Observation | StepError | Still:
            said = await watch.read()
            if said:
                report(began, said)
            return await watch.verdict() or Still(progress=bool(said))

        found = await poll_or_called(look, settings)
        if isinstance(found, StepError):
            raise found
        return found

    async def answer(
        self, session: ProviderSession, request: SessionRequest, told: Told, again: bool
    ) -> ProviderSession:
        """Send one event for each thing told; those already there are not sent again.

        A session that stopped at its budget gets a greater one first.
        """
        _, api = self._open(request.settings)
        last = str(session.data.get("message", ""))
        events = events_for(session, request, told)
        if again:
            events, last = await not_yet_told(api, session.id, events, last)
        if events and told.more:
            await raise_budget(api, session.id, request.cap_micros)
        if events:
            last = message_id(await api.send(session.id, events)) or last
        data = session.data | ({"message": last} if last else {})
        return session.model_copy(update={"told": True, "data": data})

    async def collect(
        self, session: ProviderSession, request: SessionRequest, cursor: str
    ) -> Collected:
        """Read the last answer, and all that was used."""
        _, api = self._open(request.settings)
        view = SessionView.read(await api.session(session.id))
        text, stop = await last_answer(api.events(session.id, order="desc"))
        return Collected(
            message=Message(role="assistant", content=(Text(text=text),) if text else ()),
            stop=stop,
            usage=view.usage,
            model=view.model,
            links={"session": session.url} if session.url else {},
        )

    async def cancel(self, session: ProviderSession, settings: dict[str, Any]) -> Stopped:
        """Interrupt it, see it idle, and archive it, so that nothing can wake it."""
        declared, api = self._open(settings)
        return await stop_session(api, session.id, declared.poll)

    async def probe(self, settings: RuntimeSettings) -> Probe:
        """Read the managed agent and the environment."""
        cure = "check runtime.api_key, runtime.agent and runtime.environment"
        return await probed(self.look(settings), cure)

    async def look(self, settings: RuntimeSettings) -> str:
        """See whether both are there, and may be used."""
        declared = cast("ClaudeManagedSettings", settings)
        api = self._apis.open(declared)
        agent = await api.agent(declared.agent, declared.version)
        place = await api.environment(declared.environment)
        found = (
            f"agent {field(agent, 'name', str, VENDOR)}, version "
            f"{field(agent, 'version', int, VENDOR)}, in the environment "
            f"{field(place, 'name', str, VENDOR)}"
        )
        for what, data in (("agent", agent), ("environment", place)):
            if data.get("archived_at"):
                text = f"{found}; the {what} is archived: change runtime.{what}"
                raise StepError(FailureCategory.INVALID_REQUEST, text)
        return found

    def _open(self, settings: dict[str, Any]) -> tuple[ClaudeManagedSettings, ManagedApi]:
        declared = read_settings(ClaudeManagedSettings, settings)
        return declared, self._apis.open(declared)
