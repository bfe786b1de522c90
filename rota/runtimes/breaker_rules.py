"""A breaker's decisions: when it opens, whom it lets through, when it closes.

Pure functions from state to state, with the time as an argument. Three rules hold whatever
happens: never two probes at once, nobody held beyond `max_seconds`, and a probe that is
answered closes it.
"""

from datetime import datetime, timedelta

from rota.runtimes.breaker import (
    AskProbe,
    Breaker,
    BreakerAnswer,
    Go,
    Held,
    Lease,
    Phase,
    ProbeEnd,
    Report,
    Tally,
    later,
)

SHORTEST_STEP = timedelta(seconds=1)
"""Reports within it share a tally: the window stays small however many workers report."""
SHOWN = 300
"""Characters kept of a provider's message."""


def advance(breaker: Breaker, now: datetime) -> Breaker:
    """Let time pass: what is over is over."""
    update: dict[str, object] = {}
    start = now - timedelta(seconds=breaker.policy.window_seconds)
    window = tuple(tally for tally in breaker.window if tally.at > start)
    if window != breaker.window:
        update["window"] = window
    if breaker.in_a_row and not _fails(window):
        update["in_a_row"] = 0
    if breaker.held_until is not None and breaker.held_until <= now:
        update |= {"held_until": None, "held_reason": ""}
    if breaker.phase is Phase.OPEN and breaker.until is not None and breaker.until <= now:
        update |= {"phase": Phase.HALF_OPEN, "until": None}
    if breaker.probe is not None and breaker.probe.until <= now:
        # Nobody knows what came of it; the next one is let through at once.
        update["probe"] = None
    return breaker.model_copy(update=update) if update else breaker


def look(breaker: Breaker, now: datetime) -> Go | AskProbe | Held:
    """Say what a caller does that reads the state at `now`. Changes nothing."""
    breaker = advance(breaker, now)
    if breaker.held_until is not None or breaker.phase is Phase.OPEN:
        return _held(breaker)
    if breaker.phase is Phase.CLOSED:
        return Go()
    return _tried_elsewhere(breaker, now) if breaker.probe is not None else AskProbe()


def ask(breaker: Breaker, token: str, now: datetime) -> tuple[Breaker, BreakerAnswer]:
    """Grant the probe, or say why not. Asking again with the same token renews the lease."""
    breaker = advance(breaker, now)
    if breaker.phase is Phase.HALF_OPEN and _may_probe(breaker, token):
        until = now + timedelta(seconds=breaker.policy.lease_seconds)
        lease = Lease(token=token, until=until)
        return breaker.model_copy(update={"probe": lease}), BreakerAnswer(go=Go(probe=token))
    seen = look(breaker, now)
    if isinstance(seen, Held):
        return breaker, BreakerAnswer(held=seen)
    return breaker, BreakerAnswer(go=Go())


def report(breaker: Breaker, report: Report, now: datetime) -> Breaker:
    """Fold in what a worker saw."""
    breaker = advance(breaker, now)
    breaker = _hold(breaker, report, now)
    if breaker.phase is not Phase.CLOSED:
        # Calls that began before it opened say nothing of now: only its own probe does.
        return _after_probe(breaker, report, now)
    if not (report.failures or _fails(breaker.window)):
        return breaker
    row = report.failing_last + (0 if report.successes else breaker.in_a_row)
    update: dict[str, object] = {
        "window": _counted(breaker.window, report, now),
        "in_a_row": row,
    }
    if report.failures:
        update |= {"last_failure": report.reason[:SHOWN], "troubled_at": now}
    breaker = breaker.model_copy(update=update)
    reason = _why_open(breaker)
    return _opened(breaker, reason, now) if reason and report.failures else breaker


def next_change(breaker: Breaker) -> datetime | None:
    """When the state changes by itself; None if only a report can change it."""
    times = [breaker.until, breaker.held_until, breaker.probe.until if breaker.probe else None]
    if breaker.window:
        window = timedelta(seconds=breaker.policy.window_seconds)
        times.append(breaker.window[0].at + window)
    known = [at for at in times if at is not None]
    return min(known, default=None) or forgotten_at(breaker)


def forgotten_at(breaker: Breaker) -> datetime | None:
    """When nothing of what it knows matters any more; None while something does."""
    quiet = breaker.phase is Phase.CLOSED and not breaker.window and breaker.held_until is None
    if not quiet or breaker.troubled_at is None:
        return None
    return breaker.troubled_at + timedelta(seconds=breaker.policy.healthy_seconds)


def is_watchful(breaker: Breaker) -> bool:
    """True while successes count, too: something has failed lately."""
    return breaker.phase is not Phase.CLOSED or _fails(breaker.window) > 0


def _may_probe(breaker: Breaker, token: str) -> bool:
    if breaker.probe is not None:
        return breaker.probe.token == token
    return breaker.held_until is None


def _hold(breaker: Breaker, report: Report, now: datetime) -> Breaker:
    if report.hold_seconds <= 0:
        return breaker
    seconds = min(report.hold_seconds, breaker.policy.max_seconds)
    until = later(breaker.held_until, now + timedelta(seconds=seconds))
    update = {"held_until": until, "held_reason": report.hold_reason[:SHOWN], "troubled_at": now}
    return breaker.model_copy(update=update)


def _after_probe(breaker: Breaker, report: Report, now: datetime) -> Breaker:
    ended = report.probe
    if ended is None or breaker.probe is None or breaker.probe.token != ended.token:
        return breaker
    if ended.end is ProbeEnd.ANSWERED:
        return breaker.model_copy(
            update={
                "phase": Phase.CLOSED,
                "probe": None,
                "until": None,
                "opened": 0,
                "in_a_row": 0,
                "window": (),
                "reason": "",
                "troubled_at": now,
            }
        )
    breaker = breaker.model_copy(update={"probe": None})
    if ended.end is ProbeEnd.UNKNOWN:
        return breaker
    breaker = breaker.model_copy(update={"last_failure": report.reason[:SHOWN]})
    probes = "its probe" if breaker.opened == 1 else f"{breaker.opened} probes in a row"
    return _opened(breaker, f"{probes} failed", now)


def _opened(breaker: Breaker, reason: str, now: datetime) -> Breaker:
    policy = breaker.policy
    # Beyond 30 doublings every maximum is reached, and floats would end some day.
    doubled = policy.open_seconds * 2 ** min(breaker.opened, 30)
    until = now + timedelta(seconds=min(doubled, policy.max_seconds))
    return breaker.model_copy(
        update={
            "phase": Phase.OPEN,
            "until": until,
            "probe": None,
            "opened": breaker.opened + 1,
            "reason": reason,
            "in_a_row": 0,
            "window": (),
            "troubled_at": now,
        }
    )


def _why_open(breaker: Breaker) -> str:
    """Why it must open; empty if it need not."""
    policy, failures = breaker.policy, _fails(breaker.window)
    calls = failures + sum(tally.successes for tally in breaker.window)
    if calls >= policy.min_calls and failures / calls >= policy.error_rate:
        return f"{failures} of {calls} calls failed"
    if breaker.in_a_row >= policy.in_a_row:
        return f"{breaker.in_a_row} calls failed in a row"
    return ""


def _counted(window: tuple[Tally, ...], report: Report, now: datetime) -> tuple[Tally, ...]:
    last = window[-1] if window else None
    if last is None or now - last.at >= SHORTEST_STEP:
        added = Tally(at=now, failures=report.failures, successes=report.successes)
        return (*window, added)
    more = {
        "failures": last.failures + report.failures,
        "successes": last.successes + report.successes,
    }
    return (*window[:-1], last.model_copy(update=more))


def _fails(window: tuple[Tally, ...]) -> int:
    """How many calls of the window failed."""
    return sum(tally.failures for tally in window)


def _held(breaker: Breaker) -> Held:
    is_open = breaker.phase is Phase.OPEN
    until = later(breaker.until if is_open else None, breaker.held_until)
    assert until is not None
    if is_open and until == breaker.until:
        return Held(runtime=breaker.kind, until=until, reason=breaker.reason)
    return Held(runtime=breaker.kind, until=until, reason=breaker.held_reason, state="held")


def _tried_elsewhere(breaker: Breaker, now: datetime) -> Held:
    until = now + timedelta(seconds=breaker.policy.probe_pause_seconds)
    reason = breaker.last_failure or breaker.reason
    return Held(runtime=breaker.kind, until=until, reason=reason, state="probing")
