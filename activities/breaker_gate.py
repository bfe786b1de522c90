"""The gate before each call of a provider: one worker's view of the runtimes' breakers.

Activity side. While all is well it costs one look a second and account, and no message. It
is no part of the work: a breaker that cannot be reached is logged, and the call is made.
"""

import asyncio
import logging
import random
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol

from temporalio.client import WorkflowQueryFailedError, WorkflowUpdateFailedError
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError as UpdateTimeoutError
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.service import RPCError

from activities.breaker_reports import BreakerReports
from activities.providers.polling import looked
from rota.failures import FailureCategory, StepError
from rota.runtimes import breaker_rules
from rota.runtimes.breaker import (
    RUNTIME_HELD,
    AskProbe,
    Breaker,
    BreakerAnswer,
    BreakerPolicy,
    Go,
    Held,
    ProbeEnd,
    Report,
)

log = logging.getLogger("rota.breaker")

FRESH_SECONDS = 1.0
"""How long a look is believed: a breaker that opens elsewhere is honoured this soon."""
TROUBLE_SECONDS = 5.0
"""How long nobody is asked again after no answer: calls must not wait for it each time."""
SHORT = timedelta(seconds=2)
"""A pause that is waited for within the step: cheaper than a wait of the whole run."""
SPREAD_SECONDS = 0.25
"""Most of what is added to it, so that those who wait do not all come at once."""
BREAKER_TROUBLE = (
    RPCError,
    UpdateTimeoutError,
    WorkflowUpdateFailedError,
    WorkflowQueryFailedError,
)


class BreakerDesk(Protocol):
    """What a gate needs of the breakers: `activities.breakers.Breakers`."""

    async def read(self, kind: str, account: str) -> Breaker | None:
        """Return what the breaker knows; None if nothing is wrong."""
        ...

    async def ask(self, kind: str, account: str, token: str) -> BreakerAnswer | None:
        """Ask for the probe; None if there is no breaker any more."""
        ...

    async def report(self, kind: str, account: str, report: Report) -> None:
        """Tell the breaker."""
        ...


class BreakerGate:
    """The gate of one worker."""

    def __init__(self, breakers: BreakerDesk) -> None:
        self._breakers = breakers
        self._passages: dict[tuple[str, str], _Passage] = {}

    @asynccontextmanager
    async def passing(self, kind: str, account: str) -> AsyncGenerator[None]:
        """Make one call of a provider in the block, unless its breaker is open.

        What the block raises tells how it went: a `StepError` by its category, anything else
        says nothing of the provider.

        Args:
            kind: The runtime's.
            account: Of its settings; empty passes always.

        Raises:
            ApplicationError: type `runtime_held`, not retryable; its detail is a `Held`. The
                block was not entered.
        """
        if not account:
            yield
            return
        passage = self._passage(kind, account)
        probe = await passage.enter()
        renewing = asyncio.create_task(passage.renew(probe)) if probe else None
        end = ProbeEnd.UNKNOWN
        try:
            yield
            end = ProbeEnd.ANSWERED
            passage.reports.succeeded()
        except StepError as error:
            end = passage.failed(error)
            raise
        finally:
            if renewing is not None:
                renewing.cancel()
                passage.probed(probe, end)

    @asynccontextmanager
    async def watching(self, kind: str, account: str) -> AsyncGenerator[None]:
        """Watch in the block what a provider has begun, whatever its breaker says.

        Nothing is held back: work under way is seen to its end. How the looks at it go is
        counted with the calls: those of `poll` one by one, and the end of the block.

        Args:
            kind: The runtime's.
            account: Of its settings; of an empty one nothing is counted.
        """
        if not account:
            yield
            return
        passage = self._passage(kind, account)
        told = looked.set(passage.looked)
        try:
            yield
            passage.looked(None)
        except StepError as error:
            passage.looked(error)
            raise
        finally:
            looked.reset(told)

    async def aclose(self) -> None:
        """Send what is still to be told. Safe to repeat."""
        for passage in self._passages.values():
            await passage.reports.flush()

    def _passage(self, kind: str, account: str) -> "_Passage":
        return self._passages.setdefault((kind, account), _Passage(kind, account, self._breakers))


class _Passage:
    """One runtime and account."""

    def __init__(self, kind: str, account: str, breakers: BreakerDesk) -> None:
        self.reports = BreakerReports(self._send)
        self._kind = kind
        self._account = account
        self._breakers = breakers
        self._view: Breaker | None = None
        self._fresh_until = 0.0
        self._probing: Held | None = None
        """What others of this worker are told while a probe is known to be under way."""
        self._looking = asyncio.Lock()

    async def enter(self) -> str:
        """Return the token of the probe that the call is; empty for an ordinary one.

        Raises:
            ApplicationError: see `BreakerGate.passing`.
        """
        seen = await self._seen()
        if isinstance(seen, Held) and seen.until - _now() <= SHORT:
            pause = max((seen.until - _now()).total_seconds(), 0.0)
            await asyncio.sleep(pause + random.uniform(0, SPREAD_SECONDS))
            seen = await self._seen()
        if isinstance(seen, Go):
            return seen.probe
        raise ApplicationError(
            seen.text,
            seen.model_dump(mode="json"),
            type=RUNTIME_HELD,
            non_retryable=True,
            # Nothing went wrong with this step: no stack trace in the log for each run that waits.
            category=ApplicationErrorCategory.BENIGN,
        )

    async def renew(self, token: str) -> None:
        """Keep the lease of the probe as long as its call lasts."""
        policy = self._view.policy if self._view else BreakerPolicy()
        while True:
            await asyncio.sleep(policy.lease_seconds / 3)
            try:
                await self._breakers.ask(self._kind, self._account, token)
            except BREAKER_TROUBLE as error:
                log.warning("probe of %s not renewed: %s", self._kind, error)

    def looked(self, failure: StepError | None) -> None:
        """Count a look at work under way."""
        if failure is None:
            self.reports.succeeded()
        else:
            self.failed(failure)

    def failed(self, error: StepError) -> ProbeEnd:
        """Count a call that failed; return what that says of the provider."""
        if error.category is FailureCategory.BUG:
            return ProbeEnd.UNKNOWN  # ours
        held = error.category in (FailureCategory.RATE_LIMITED, FailureCategory.OVERLOADED)
        if held and error.retry_after is not None:
            reason = f"{error.category.value}: {error}"
            self.reports.hold(error.retry_after.total_seconds(), reason)
        if error.category.fails_over:
            self.reports.failed(str(error))
            return ProbeEnd.FAILED
        # It answered, and had its reasons.
        self.reports.succeeded()
        return ProbeEnd.ANSWERED

    def probed(self, token: str, end: ProbeEnd) -> None:
        """Tell at once how the probe ended."""
        self._probing = None
        self.reports.probed(token, end)

    async def _seen(self) -> Go | Held:
        # One at a time: a hundred turns that begin together look once, and ask once.
        async with self._looking:
            now = asyncio.get_running_loop().time()
            if now >= self._fresh_until:
                await self._look(now)
            if self._view is None:
                return Go()
            seen = breaker_rules.look(self._view, _now())
            if isinstance(seen, AskProbe):
                return await self._ask()
            return seen

    async def _look(self, now: float) -> None:
        fresh = FRESH_SECONDS
        try:
            self._view = await self._breakers.read(self._kind, self._account)
        except BREAKER_TROUBLE as error:
            log.warning("breaker of %s does not answer; going on: %s", self._kind, error)
            self._view, fresh = None, TROUBLE_SECONDS
        self._fresh_until = now + fresh
        if self._view is not None and breaker_rules.is_watchful(self._view):
            self.reports.watch(self._view.policy.window_seconds)

    async def _ask(self) -> Go | Held:
        if self._probing is not None and self._probing.until > _now():
            return self._probing
        token = uuid.uuid4().hex
        try:
            answer = await self._breakers.ask(self._kind, self._account, token)
        except BREAKER_TROUBLE as error:
            log.warning("breaker of %s was asked in vain; going on: %s", self._kind, error)
            return Go()
        if answer is None or (answer.go is not None and not answer.go.probe):
            self._fresh_until = 0.0
            return Go()
        self._probing = answer.held or self._told_of_own_probe()
        return answer.go or self._probing

    def _told_of_own_probe(self) -> Held:
        assert self._view is not None
        until = _now() + timedelta(seconds=self._view.policy.probe_pause_seconds)
        reason = self._view.last_failure or self._view.reason
        return Held(runtime=self._kind, until=until, reason=reason, state="probing")

    async def _send(self, report: Report) -> None:
        try:
            await self._breakers.report(self._kind, self._account, report)
        except BREAKER_TROUBLE as error:
            log.warning("breaker of %s was not told: %s", self._kind, error)
        self._fresh_until = 0.0


def _now() -> datetime:
    return datetime.now(UTC)
