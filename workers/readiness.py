"""Whether a process could take something on now: its server and its store answer.

For whoever starts and replaces processes. The answer names what is missing and nothing else,
since probes have no secrets; why it is missing stands in the log.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from activities.store_probe import PROBE, StoreProbe
from activities.stores.base import ObjectStore, StoreError

PATIENCE_SECONDS = 3.0
"""How long server and store may take: below the ten seconds that probes commonly wait."""
BELIEVED_SECONDS = 1.0
"""One look serves all who ask meanwhile: a probe must not be a way to keep the server busy."""

Look = Callable[[], Awaitable[None]]


class Readiness:
    """One process's server and store."""

    def __init__(self, client: Client, store: ObjectStore, log: logging.Logger) -> None:
        self._client = client
        self._store = store
        self._log = log
        self._probe = StoreProbe(store)
        self._looking = asyncio.Lock()
        self._looked: float | None = None
        self._found: dict[str, str] = {}

    async def look(self) -> dict[str, str]:
        """Return `ok` or `unreachable` for each of what the process needs."""
        async with self._looking:
            now = asyncio.get_running_loop().time()
            if self._looked is None or now - self._looked >= BELIEVED_SECONDS:
                looks: dict[str, Look] = {
                    "server": self._look_at_server,
                    "store": self._look_at_store,
                }
                found = await asyncio.gather(*(self._of(name, looks[name]) for name in looks))
                self._found = dict(zip(looks, found, strict=True))
                self._looked = asyncio.get_running_loop().time()
            return self._found

    async def _look_at_server(self) -> None:
        # More than a pulse: a token that was revoked, a namespace that is gone.
        request = DescribeNamespaceRequest(namespace=self._client.namespace)
        await self._client.workflow_service.describe_namespace(request)

    async def _look_at_store(self) -> None:
        # Read each time, written now and then: a full disk is noticed, too.
        await self._store.get_ref(PROBE)
        await self._probe.check()

    async def _of(self, name: str, look: Look) -> str:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await look()
        except (RPCError, StoreError, TimeoutError) as error:
            self._log.warning("not ready: the %s: %s", name, error or "no answer in time")
            return "unreachable"
        return "ok"
