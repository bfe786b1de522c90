"""How a Managed Agents session begins: created empty, or taken up where a run left it.

Neither spends anything: the session is told its task afterwards.
"""

import os
from typing import Any

from activities.providers.json_fields import field
from activities.providers.keys import read_key
from activities.runtimes.claude_managed_api import ManagedApi
from activities.runtimes.claude_managed_events import Place
from activities.runtimes.claude_managed_wire import (
    CONSOLE,
    VENDOR,
    SessionView,
    budget,
    metadata,
    tools_with,
)
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.claude_managed import TOKEN, ClaudeManagedSettings
from rota.runtimes.session import ProviderSession, SessionRequest
from rota.tools import SecretReader
from rota.usage import Usage

KIND = "claude-managed"

UNLIMITED_MICROS = 1_000_000_000_000
"""A million dollars, the most that any limit may be: a budget cannot be taken away."""


async def create(
    api: ManagedApi,
    settings: ClaudeManagedSettings,
    request: SessionRequest,
    resolve: SecretReader,
) -> ProviderSession:
    """Create an empty session with the run's labels, tools and cap."""
    body: dict[str, Any] = {
        "agent": await _agent(api, settings, request),
        "environment_id": settings.environment,
        "metadata": metadata(request.labels),
        "title": settings.title or f"{request.agent} {request.run_id}"[:200],
    }
    if settings.vaults:
        body["vault_ids"] = list(settings.vaults)
    if settings.resources:
        body["resources"] = [_with_token(each, resolve) for each in settings.resources]
    if request.cap_micros is not None:
        body["budget"] = budget(request.cap_micros, Usage())
    return as_session(settings.base_url, SessionView.read(await api.create(body)))


def _with_token(resource: dict[str, Any], resolve: SecretReader) -> dict[str, Any]:
    if TOKEN not in resource:
        return resource
    return resource | {TOKEN: read_key(resolve, resource[TOKEN], f"runtime.resources: {TOKEN}")}


async def _agent(
    api: ManagedApi, settings: ClaudeManagedSettings, request: SessionRequest
) -> dict[str, Any]:
    version = {} if settings.version is None else {"version": settings.version}
    if not request.tools:
        return {"type": "agent", "id": settings.agent} | version
    # Tools given to a session replace the agent's: its own are read, to be given again.
    agent = await api.agent(settings.agent, settings.version)
    return {
        "type": "agent_with_overrides",
        "id": settings.agent,
        "version": field(agent, "version", int, VENDOR),
        "tools": tools_with(field(agent, "tools", list, VENDOR), request),
    }


def as_session(base_url: str | None, view: SessionView) -> ProviderSession:
    """Name a session that was not told anything yet."""
    public = not (base_url or os.environ.get("ANTHROPIC_BASE_URL"))
    return ProviderSession(
        kind=KIND, id=view.id, url=f"{CONSOLE}{view.id}" if public else "", told=False
    )


async def raise_budget(api: ManagedApi, session: str, cap_micros: int | None) -> None:
    """Let a session that stopped at its budget spend so much more; None: nothing is limited.

    A budget can be raised and not removed. Safe to repeat until the session works again.
    """
    view = SessionView.read(await api.session(session))
    if view.capped:
        more = UNLIMITED_MICROS if cap_micros is None else cap_micros
        await api.update(session, {"budget": budget(more, view.usage)})


async def take_up(
    api: ManagedApi, request: SessionRequest, previous: ProviderSession
) -> ProviderSession:
    """Go on with a session: raise its budget by the run's cap, write the run on it.

    Safe to repeat as long as it was not told the task.

    Raises:
        StepError: `invalid_request`: it ended for good or still works, so nothing was done.
    """
    view = await _idle(api, previous.id)
    body: dict[str, Any] = {"metadata": metadata(request.labels)}
    if request.cap_micros is not None and view.capped:
        body["budget"] = budget(request.cap_micros, view.usage)
    wanted = tools_with(view.tools, request)
    if _named(wanted) != _named(view.tools):
        body["agent"] = {"tools": wanted}
    await api.update(previous.id, body)
    place, message = Place(), ""
    async for event in api.events(previous.id, order="desc"):
        # Newest first: the place after all of them, and the last message they were told.
        if not place.at or place.is_of(event):
            place = place.after(event) or place
        if not message and event.get("type") == "user.message":
            message = field(event, "id", str, VENDOR)
        if message and not place.is_of(event):
            break
    return ProviderSession(
        kind=KIND,
        id=previous.id,
        url=previous.url,
        data={"from": str(place), "message": message},
        told=False,
        base=view.usage,
    )


async def _idle(api: ManagedApi, session: str) -> SessionView:
    try:
        view = SessionView.read(await api.session(session))
    except StepError as error:
        if error.category is not FailureCategory.OUTCOME_UNKNOWN:
            raise
        raise _cannot(session, "it is gone") from None
    if view.over:
        raise _cannot(session, "it was archived or ended")
    if view.at_work:
        raise _cannot(session, f"it is {view.status}")
    return view


def _cannot(session: str, why: str) -> StepError:
    return StepError(
        FailureCategory.INVALID_REQUEST,
        f"session.continue: the session {session} of {VENDOR} cannot go on, {why}; begin a new "
        "one with session.continue: new",
    )


def _named(tools: list[dict[str, Any]]) -> dict[str, Any]:
    """What is compared of the tools that run here."""
    return {
        tool["name"]: (tool.get("description"), tool.get("input_schema"))
        for tool in tools
        if tool.get("type") == "custom"
    }
