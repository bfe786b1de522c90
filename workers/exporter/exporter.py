"""The metrics of one fleet, looked up when Prometheus asks, and not more often than is good.

However many scrape, and however often: one look at a time, at most every 15 s, and at most a fifth
of the time. Who comes meanwhile is told what the last one found.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector
from temporalio.client import Client

from activities.audit.versions import own_version
from activities.secrets import Secrets
from rota.failures import MESSAGE_LIMIT
from schedules.watchdog_checks import last_check
from workers.exporter import looks
from workers.exporter.filling import filled
from workers.exporter.snapshot import Snapshot

SHORTEST = 15.0
"""Seconds from one look to the next: as often as Prometheus commonly scrapes."""
SHARE = 5
"""One look takes at most one part in so many of the time, however large the fleet is."""
WAIT_SECONDS = 5.0
"""How long a scrape waits for a look that is under way, before it takes the last one's values:
below the ten seconds that Prometheus commonly waits."""
PART_SECONDS = 60.0
"""How long one part of a look may take."""

log = logging.getLogger("rota.gateway")

Found = TypeVar("Found")


class NothingReadError(Exception):
    """No look has ended yet: there is nothing to tell, and naught would be a lie."""


class Exporter:
    """Reads one fleet.

    Args:
        client: Reaches the server.
        fleet: Its name.
        check_every: From one check of its Watchdog to the next; None: it declares none.
        now: For the times it tells.
    """

    def __init__(
        self,
        client: Client,
        fleet: str,
        check_every: timedelta | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._fleet = fleet
        self._now = now
        self._snapshot = Snapshot(now(), timedelta(0), own_version(), check_every=check_every)
        self._read_at: dict[str, datetime] = {}
        self._failures = Counter[str]()
        self._looking: asyncio.Task[None] | None = None
        self._due = 0.0
        self._has_looked = False

    async def scrape(self) -> Snapshot:
        """Return what there is to tell, after a look if one is due.

        Raises:
            NothingReadError: the first look is still under way.
        """
        loop = asyncio.get_running_loop()
        if self._looking is None and loop.time() >= self._due:
            self._looking = asyncio.create_task(self._look())
        if self._looking is not None:
            await asyncio.wait((self._looking,), timeout=WAIT_SECONDS)
        if not self._has_looked:
            raise NothingReadError
        return self._snapshot

    async def aclose(self) -> None:
        """Stop looking."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        began, at = loop.time(), self._now()
        try:
            found = await self._read(at)
            self._snapshot = replace(found, took=timedelta(seconds=loop.time() - began))
            self._has_looked = True
        finally:
            took = loop.time() - began
            self._due = began + max(SHORTEST, SHARE * took)
            self._looking = None

    async def _read(self, at: datetime) -> Snapshot:
        client, fleet, before = self._client, self._fleet, self._snapshot
        told = await self._part(at, "keepers", lambda: looks.keepers(client, fleet), None)
        agents = before.agents if told is None else looks.remembered(told, before.agents)
        heard = sum(each is not None for each in (told or {}).values())
        named = await self._part(at, "teams", lambda: looks.teams(client, fleet), None)
        teams = before.teams if named is None else looks.remembered(named, before.teams)
        schedules, waits, breakers, check = await asyncio.gather(
            self._part(at, "schedules", lambda: looks.schedules(client, agents), before.schedules),
            self._part(at, "waits", lambda: looks.waits(client, agents), before.waits),
            self._part(at, "breakers", lambda: looks.breakers(client), before.breakers),
            self._part(at, "watchdog", lambda: last_check(client, fleet), None),
        )
        return replace(
            before,
            at=at,
            read=dict(self._read_at),
            agents=agents,
            heard=heard,
            unheard=len(agents) if told is None else len(told) - heard,
            teams=teams,
            schedules=schedules,
            waits=waits,
            breakers=breakers,
            watched=check.memory if check else before.watched,
            failures=dict(self._failures),
        )

    async def _part(
        self, at: datetime, part: str, look: Callable[[], Awaitable[Found]], otherwise: Found
    ) -> Found:
        """Look at one part; one that cannot be read is told in the log, and hides no other."""
        try:
            async with asyncio.timeout(PART_SECONDS):
                found = await look()
            self._read_at[part] = at
            return found
        except Exception as error:  # noqa: BLE001 - whatever it is, the other parts are told
            self._failures[part] += 1
            why = Secrets().shortened(f"{type(error).__name__}: {error}", MESSAGE_LIMIT)
            log.warning("metrics: the %s could not be read: %s", part, why)
            return otherwise


class _Told(Collector):
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Family]:
        return filled(self._snapshot).families()


def registry_of(snapshot: Snapshot) -> CollectorRegistry:
    """Return what was found as prometheus-client writes it out: made anew by each writing."""
    registry = CollectorRegistry()
    registry.register(_Told(snapshot))
    return registry
