"""Breakers in memory, by the real rules: what a gate asks and tells."""

import asyncio
from datetime import UTC, datetime

from temporalio.service import RPCError, RPCStatusCode

from rota.runtimes import breaker_rules
from rota.runtimes.breaker import Breaker, BreakerAnswer, BreakerPolicy, Phase, Report

POLICY = BreakerPolicy(open_seconds=0.3, lease_seconds=0.6, probe_pause_seconds=30)


class Desk:
    """Breakers in memory, by the real rules."""

    def __init__(self) -> None:
        self.breaker: Breaker | None = None
        self.reads = 0
        self.asks = 0
        self.reports: list[Report] = []
        self.broken = False

    async def read(self, kind: str, account: str) -> Breaker | None:
        """As a query does."""
        self.reads += 1
        await self._answer()
        return self.breaker

    async def ask(self, kind: str, account: str, token: str) -> BreakerAnswer | None:
        """As an update does."""
        self.asks += 1
        await self._answer()
        if self.breaker is None:
            return None
        self.breaker, answer = breaker_rules.ask(self.breaker, token, datetime.now(UTC))
        return answer

    async def report(self, kind: str, account: str, report: Report) -> None:
        """As a signal does."""
        await self._answer()
        self.reports.append(report)
        breaker = self.breaker or Breaker(kind=kind, account=account, policy=POLICY)
        self.breaker = breaker_rules.report(breaker, report, datetime.now(UTC))

    async def _answer(self) -> None:
        await asyncio.sleep(0)
        if self.broken:
            raise RPCError("the server is gone", RPCStatusCode.UNAVAILABLE, b"")

    @property
    def phase(self) -> Phase:
        """Of the breaker."""
        return self.breaker.phase if self.breaker else Phase.CLOSED
