"""What one worker tells a breaker: calls counted together, and sent about once a second.

Activity side. Successes alone are never sent: they matter beside failures only. Those of
the last minute go with the first failure, so that it is seen among how many it happened.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from rota.runtimes.breaker import ProbeEnd, ProbeReport, Report

PAUSE_SECONDS = 1.0
"""Between two reports: a burst of failures is a few messages, not thousands."""
MEMORY_SECONDS = 60.0
"""How long a success is remembered in case a failure follows."""
STEP_SECONDS = 1.0

Send = Callable[[Report], Awaitable[None]]


class BreakerReports:
    """The reports of one worker to one breaker. Never raises, never waits for an answer."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._failures = 0
        self._failing_last = 0
        self._reason = ""
        self._hold_seconds = 0.0
        self._hold_reason = ""
        self._successes: deque[tuple[float, int]] = deque()
        """When, and how many: one entry a second."""
        self._probes: deque[ProbeReport] = deque()
        self._watched_until = 0.0
        self._hurry = asyncio.Event()
        self._sending: asyncio.Task[None] | None = None
        self._closing = False

    def watch(self, seconds: float) -> None:
        """Report successes, too, for so long: the breaker counts."""
        self._watched_until = max(self._watched_until, _clock() + seconds)

    def succeeded(self) -> None:
        """Count a call that the provider answered."""
        self._failing_last = 0
        now = _clock()
        if self._successes and now - self._successes[-1][0] < STEP_SECONDS:
            at, count = self._successes.pop()
            self._successes.append((at, count + 1))
        else:
            self._successes.append((now, 1))
        while now - self._successes[0][0] > MEMORY_SECONDS:
            self._successes.popleft()
        if now < self._watched_until:
            self._start()

    def failed(self, reason: str) -> None:
        """Count a call that failed by the provider's fault, or for want of an answer."""
        self._failures += 1
        self._failing_last += 1
        self._reason = reason
        self.watch(MEMORY_SECONDS)
        self._start()

    def hold(self, seconds: float, reason: str) -> None:
        """Pass on that the provider asks for a pause."""
        self._hold_seconds = max(self._hold_seconds, seconds)
        self._hold_reason = reason
        self._hurry.set()
        self._start()

    def probed(self, token: str, end: ProbeEnd) -> None:
        """Tell how a probe ended, without waiting for others."""
        self._probes.append(ProbeReport(token=token, end=end))
        self._hurry.set()
        self._start()

    async def flush(self) -> None:
        """Send what there is, and wait until it is sent."""
        self._closing = True
        self._hurry.set()
        if self._sending is not None:
            await self._sending

    def _start(self) -> None:
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while self._is_due():
            self._hurry.clear()
            await self._send(self._take())
            if self._closing:
                continue
            try:
                async with asyncio.timeout(PAUSE_SECONDS):
                    await self._hurry.wait()
            except TimeoutError:
                continue

    def _is_due(self) -> bool:
        if self._failures or self._hold_seconds or self._probes:
            return True
        return bool(self._successes) and _clock() < self._watched_until

    def _take(self) -> Report:
        report = Report(
            failures=self._failures,
            successes=sum(count for _, count in self._successes),
            failing_last=self._failing_last,
            reason=self._reason,
            hold_seconds=self._hold_seconds,
            hold_reason=self._hold_reason,
            probe=self._probes.popleft() if self._probes else None,
        )
        self._failures = self._failing_last = 0
        self._hold_seconds = 0.0
        self._successes.clear()
        if self._probes:
            self._hurry.set()
        return report


def _clock() -> float:
    return asyncio.get_running_loop().time()
