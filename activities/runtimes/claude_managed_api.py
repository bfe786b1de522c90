"""The requests that a Managed Agents session needs, each made once and classified.

The SDK brings credentials, paths, query strings and the kinds of errors; its retries are off,
because Temporal owns every retry, and answers are taken as the JSON they are.

Source: anthropic SDK 2.12, `client.beta.sessions`.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import anthropic
import httpx2
from anthropic import AsyncAnthropic, DefaultAsyncHttpxClient

from activities.providers.anthropic_errors import PROVIDER_ERRORS, classify
from activities.providers.json_fields import field, optional_field
from activities.providers.keys import read_key
from activities.runtimes.claude_managed_wire import VENDOR
from activities.trusted_roots import trusted_roots
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.claude_managed import ClaudeManagedSettings
from rota.tools import SecretReader

REQUEST_SECONDS = 60.0
"""Longest time for one request. None of them waits for the agent's work."""
CONNECT_SECONDS = 10.0
PAGE = 1000
"""Events of one page."""
SESSIONS_PAGE = 100

Json = dict[str, Any]


class ManagedApi:
    """One account at one address. Every method raises `StepError`, classified.

    Args:
        client: The SDK's.
        key: Cut out of whatever is raised.
    """

    def __init__(self, client: AsyncAnthropic, key: str) -> None:
        self._client = client
        self._key = key
        self._raw = client.beta.sessions.with_raw_response

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def agent(self, agent: str, version: int | None) -> Json:
        """Read a managed agent."""
        agents = self._client.beta.agents.with_raw_response
        if version is None:
            return await self._call(lambda: agents.retrieve(agent))
        return await self._call(lambda: agents.retrieve(agent, version=version))

    async def environment(self, environment: str) -> Json:
        """Read an environment."""
        environments = self._client.beta.environments.with_raw_response
        return await self._call(lambda: environments.retrieve(environment))

    async def create(self, body: Json) -> Json:
        """Create a session. Not idempotent: a second call makes a second one."""
        return await self._call(lambda: self._raw.create(**body))

    async def session(self, session: str) -> Json:
        """Read a session."""
        return await self._call(lambda: self._raw.retrieve(session), session)

    async def update(self, session: str, body: Json) -> Json:
        """Change what a session may cost, and what is written on it."""
        return await self._call(lambda: self._raw.update(session, **body), session)

    async def archive(self, session: str) -> Json:
        """Close a session for good. Safe to repeat."""
        return await self._call(lambda: self._raw.archive(session), session)

    async def sessions(self, agent: str, since: str) -> AsyncIterator[Json]:
        """List an agent's sessions since then, oldest first, without archived ones."""

        def page(more: Json) -> Awaitable[Any]:
            return self._raw.list(
                agent_id=agent, created_at_gte=since, order="asc", limit=SESSIONS_PAGE, **more
            )

        async for item in self._pages(page):
            yield item

    async def events(self, session: str, **filters: Any) -> AsyncIterator[Json]:
        """List a session's events, oldest first unless `order` says otherwise."""
        raw = self._client.beta.sessions.events.with_raw_response
        chosen = {"order": "asc", "limit": PAGE} | filters

        def page(more: Json) -> Awaitable[Any]:
            return raw.list(session, **chosen, **more)

        async for item in self._pages(page, session):
            yield item

    async def send(self, session: str, events: list[Json]) -> list[Json]:
        """Tell a session something; returns the events as recorded. Not idempotent."""
        raw = self._client.beta.sessions.events.with_raw_response
        sent = await self._call(lambda: raw.send(session, events=cast("Any", events)), session)
        return cast("list[Json]", field(sent, "data", list, VENDOR))

    async def threads_at_work(self, session: str) -> bool:
        """Whether an agent that the session's agent called still works."""
        raw = self._client.beta.sessions.threads.with_raw_response
        found = await self._call(
            lambda: raw.list(session, statuses=["running", "rescheduling"], limit=1), session
        )
        return bool(field(found, "data", list, VENDOR))

    async def _pages(
        self, page: Callable[[Json], Awaitable[Any]], session: str = ""
    ) -> AsyncIterator[Json]:
        more: Json = {}
        while True:
            answer = await self._call(lambda more=more: page(more), session)
            for item in cast("list[Json]", field(answer, "data", list, VENDOR)):
                yield item
            following = optional_field(answer, "next_page", str, VENDOR)
            if not following:
                return
            more = {"page": following}

    async def _call(self, request: Callable[[], Awaitable[Any]], session: str = "") -> Json:
        try:
            answer: Any = (await request()).http_response.json()
        except anthropic.NotFoundError as error:
            if not session:
                raise classify(error, secret=self._key) from None
            raise gone(session, "the API does not know it (any more)") from None
        except PROVIDER_ERRORS as error:
            # Without `from None` the cause would travel along, unredacted, in the failure.
            raise classify(error, secret=self._key) from None
        if not isinstance(answer, dict):
            raise StepError(
                FailureCategory.TRANSIENT,
                f"{VENDOR} answered with JSON that is no object; check runtime.base_url",
                maybe_billed=True,
            )
        return cast("Json", answer)


def gone(session: str, why: str) -> StepError:
    """A session that exists no more: nobody will see the end of what it did."""
    return StepError(
        FailureCategory.OUTCOME_UNKNOWN,
        f"the session {session} of {VENDOR} is gone: {why}; look at what it has done before "
        "the work is repeated",
        maybe_billed=True,
    )


class ManagedApis:
    """The connections of one worker, by key and address.

    Args:
        resolve_secret: Returns the value behind `env:NAME` or `file:/path`.
    """

    def __init__(self, resolve_secret: SecretReader) -> None:
        self._resolve_secret = resolve_secret
        self._open: dict[tuple[str, str | None], ManagedApi] = {}

    def open(self, settings: ClaudeManagedSettings) -> ManagedApi:
        """Return the connection that the settings name.

        Raises:
            StepError: `auth`: the key is not there, or is none.
        """
        key = read_key(self._resolve_secret, settings.api_key)
        base_url = settings.base_url or os.environ.get("ANTHROPIC_BASE_URL") or None
        if (key, base_url) not in self._open:
            # The key is always explicit: otherwise the SDK looks for credentials by itself.
            client = AsyncAnthropic(
                api_key=key,
                base_url=base_url,
                max_retries=0,
                timeout=httpx2.Timeout(REQUEST_SECONDS, connect=CONNECT_SECONDS),
                http_client=DefaultAsyncHttpxClient(verify=trusted_roots()),
            )
            self._open[key, base_url] = ManagedApi(client, key)
        return self._open[key, base_url]

    async def aclose(self) -> None:
        """Close them all. Safe to repeat."""
        opened, self._open = self._open, {}
        for api in opened.values():
            await api.aclose()
