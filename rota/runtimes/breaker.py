"""What is known of a runtime's health: the records of a breaker, and what callers are told.

Pure. One breaker for each runtime kind and account, shared by all workers: the workflow
`Breaker` keeps it, `rota.runtimes.breaker_rules` decides. Times are the server's, so that workers
whose clocks differ report to the same window.
"""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from rota.model import Record
from rota.runs import Instant

RUNTIME_HELD = "runtime_held"
"""Type of the failure of a step that was not tried, since its runtime is not to be asked now;
its first detail is a `Held`."""


class Phase(StrEnum):
    """Whether calls go through."""

    CLOSED = "closed"
    """All of them."""
    OPEN = "open"
    """None: too many have failed."""
    HALF_OPEN = "half_open"
    """One, to see whether it succeeds."""


class BreakerPolicy(Record):
    """When a breaker opens, and for how long."""

    window_seconds: float = Field(default=60.0, gt=0)
    """Calls that ended longer ago do not count."""
    min_calls: int = Field(default=5, ge=1)
    """Fewer say nothing of a rate."""
    error_rate: float = Field(default=0.5, gt=0, le=1)
    """Failed calls among all in the window, from which on it opens."""
    in_a_row: int = Field(default=5, ge=1)
    """Failures one after the other that open it whatever the rate: a sudden end."""
    open_seconds: float = Field(default=30.0, gt=0)
    """Time to the first probe; doubles with each probe that fails."""
    max_seconds: float = Field(default=600.0, gt=0)
    """Most of it, and the longest a provider's retry-after is believed."""
    lease_seconds: float = Field(default=30.0, gt=0)
    """How long a probe may be silent before it counts as lost. The prober renews its lease as
    long as it waits for the answer."""
    probe_pause_seconds: float = Field(default=3.0, gt=0)
    """When to come again for those that meet another's probe."""
    healthy_seconds: float = Field(default=3600.0, gt=0)
    """After so long without trouble there is nothing left to know."""


class Tally(Record):
    """Calls that ended within one second of the window."""

    at: Instant
    failures: int = 0
    successes: int = 0


class ProbeEnd(StrEnum):
    """What came of a probe."""

    ANSWERED = "answered"
    """The provider answered, be it with a refusal of its own: it works."""
    FAILED = "failed"
    UNKNOWN = "unknown"
    """The prober gave up before there was an answer."""


class ProbeReport(Record):
    """The end of the probe that was granted as `token`."""

    token: str
    end: ProbeEnd


class Report(Record):
    """What one worker saw since its last report."""

    failures: int = 0
    successes: int = 0
    failing_last: int = 0
    """Failures since the last success: how many in a row the report ends with."""
    reason: str = ""
    """What the last failure said, in one line."""
    hold_seconds: float = 0.0
    """The provider asks for so long a pause, from now."""
    hold_reason: str = ""
    probe: ProbeReport | None = None


class Lease(Record):
    """A probe under way."""

    token: str
    until: Instant


class Breaker(Record):
    """All that a breaker knows. Also the argument of its workflow."""

    kind: str
    account: str
    policy: BreakerPolicy = BreakerPolicy()
    phase: Phase = Phase.CLOSED
    window: tuple[Tally, ...] = ()
    """Oldest first; only while something in it has failed."""
    in_a_row: int = 0
    opened: int = 0
    """How often it has opened since it was last closed."""
    until: Instant | None = None
    """When an open one becomes half open."""
    probe: Lease | None = None
    held_until: Instant | None = None
    """No call before then, whatever the phase: the provider has asked for it."""
    held_reason: str = ""
    reason: str = ""
    """Why it opened: `7 of 9 calls failed`."""
    last_failure: str = ""
    troubled_at: Instant | None = None
    """When something was last wrong."""


class Held(Record):
    """A call that was not made: what its run is told."""

    runtime: str
    """The kind."""
    until: Instant
    """When to come again."""
    reason: str
    state: Literal["open", "held", "probing"] = "open"

    @property
    def text(self) -> str:
        """`runtime bedrock is open until 06:03:10Z: 7 of 9 calls failed`."""
        until = f"{self.until:%H:%M:%S}Z"
        match self.state:
            case "open":
                told = f"is open until {until}"
            case "held":
                told = f"asks for a pause until {until}"
            case "probing":
                told = f"is tried by another run, next look {until}"
        return f"runtime {self.runtime} {told}: {self.reason}"


class Go(Record):
    """The call may be made."""

    probe: str = ""
    """Token of the probe that it is; empty for an ordinary call."""


class AskProbe(Record):
    """The call may be made if it gets the lease of the probe."""


class BreakerAnswer(Record):
    """What the breaker says to whoever asks for the probe: exactly one is set."""

    go: Go | None = None
    held: Held | None = None


def later(first: datetime | None, second: datetime | None) -> datetime | None:
    """The later of two times, where either may be missing."""
    known = [at for at in (first, second) if at is not None]
    return max(known, default=None)
