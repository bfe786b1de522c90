"""When a breaker opens, whom it lets through, when it closes: as tables."""

from datetime import UTC, datetime, timedelta

import pytest

from rota.runtimes import breaker_rules as rules
from rota.runtimes.breaker import (
    AskProbe,
    Breaker,
    BreakerPolicy,
    Go,
    Held,
    Phase,
    ProbeEnd,
    ProbeReport,
    Report,
)

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
FRESH = Breaker(kind="bedrock", account="eu", policy=BreakerPolicy())


def at(seconds: float) -> datetime:
    """A moment of the test."""
    return NOW + timedelta(seconds=seconds)


def seen(failures: int = 0, successes: int = 0, *, last: int | None = None) -> Report:
    """What a worker saw; by default the failures came last."""
    return Report(
        failures=failures,
        successes=successes,
        failing_last=failures if last is None else last,
        reason="Overloaded",
    )


def after(*reports: tuple[float, Report], breaker: Breaker = FRESH) -> Breaker:
    """The breaker after reports, each at its second."""
    for second, report in reports:
        breaker = rules.report(breaker, report, at(second))
    return breaker


def opened() -> Breaker:
    """Open since second 0."""
    return after((0, seen(5)))


def probing() -> Breaker:
    """Half open since second 30, with a probe of `p`."""
    breaker, answer = rules.ask(opened(), "p", at(30))
    assert answer.go == Go(probe="p")
    return breaker


def ended(end: ProbeEnd, token: str = "p") -> Report:
    """What the prober says at the end."""
    return Report(probe=ProbeReport(token=token, end=end), reason="Overloaded")


WINDOWS: dict[str, tuple[list[tuple[float, Report]], str]] = {
    "half of five fail": ([(0, seen(3, 3, last=1))], "3 of 6 calls failed"),
    "too few to say": ([(0, seen(4))], ""),
    "a rate below half": ([(0, seen(4, 5, last=1))], ""),
    "five in a row after many good ones": ([(0, seen(5, 95))], "5 calls failed in a row"),
    "five in a row, told one by one": (
        [(0, seen(1, 40)), *((n, seen(1)) for n in range(1, 5))],
        "5 calls failed in a row",
    ),
    "a good one breaks the row": (
        [(0, seen(4, 40)), (1, seen(0, 1)), (2, seen(4))],
        "",
    ),
    "those of a minute ago no longer count": ([(0, seen(4)), (61, seen(4))], ""),
    "those within the minute do": ([(0, seen(4)), (59, seen(1))], "5 of 5 calls failed"),
    "nothing but successes": ([(0, seen(0, 500))], ""),
}


@pytest.mark.parametrize(("reports", "why"), WINDOWS.values(), ids=WINDOWS)
def test_breaker_opens_on_the_rate_of_failures_or_a_row_of_them(
    reports: list[tuple[float, Report]], why: str
) -> None:
    """Some failures among many calls are ordinary; a provider that is down is not."""
    breaker = after(*reports)
    assert (breaker.phase, breaker.reason) == (Phase.OPEN if why else Phase.CLOSED, why)


def test_breaker_of_a_healthy_runtime_keeps_nothing() -> None:
    """Successes count only beside failures: no state grows where nothing is wrong."""
    assert after((0, seen(0, 10)), (1, seen(0, 10))) == FRESH


def test_breaker_open_lets_nobody_through_and_says_until_when() -> None:
    """Whoever looks is told why and when to come again, in words for people."""
    told = rules.look(opened(), at(10))
    assert isinstance(told, Held)
    assert told.until == at(30)
    assert told.text == "runtime bedrock is open until 06:00:30Z: 5 of 5 calls failed"


def test_breaker_half_open_lets_one_through_and_the_others_come_again() -> None:
    """The lease of the probe is given once, and renewed for whoever has it."""
    assert rules.look(opened(), at(30)) == AskProbe()
    breaker, answer = rules.ask(probing(), "other", at(31))
    assert answer.go is None
    assert answer.held is not None
    assert answer.held.state == "probing"
    assert answer.held.until == at(34)
    renewed, answer = rules.ask(breaker, "p", at(50))
    assert answer.go == Go(probe="p")
    assert renewed.probe is not None
    assert renewed.probe.until == at(80)


def test_breaker_forgets_a_probe_that_nobody_renews() -> None:
    """A prober that was killed keeps nobody waiting for longer than its lease."""
    assert isinstance(rules.look(probing(), at(59)), Held)
    assert rules.look(probing(), at(60)) == AskProbe()


OUTCOMES: dict[str, tuple[ProbeEnd, str, Phase, float]] = {
    "answered": (ProbeEnd.ANSWERED, "p", Phase.CLOSED, 0),
    "failed": (ProbeEnd.FAILED, "p", Phase.OPEN, 60),
    "given up": (ProbeEnd.UNKNOWN, "p", Phase.HALF_OPEN, 0),
    "of one that was granted before": (ProbeEnd.ANSWERED, "old", Phase.HALF_OPEN, 0),
}


@pytest.mark.parametrize(("end", "token", "phase", "seconds"), OUTCOMES.values(), ids=OUTCOMES)
def test_breaker_after_its_probe_closes_or_opens_for_longer(
    end: ProbeEnd, token: str, phase: Phase, seconds: float
) -> None:
    """An answer closes it; a failure doubles the time; nothing else changes the phase."""
    breaker = after((31, ended(end, token)), breaker=probing())
    assert breaker.phase is phase
    assert breaker.until == (at(31 + seconds) if seconds else None)


def test_breaker_opens_for_at_most_ten_minutes() -> None:
    """It doubles with each probe that fails, up to its maximum, and begins anew once closed."""
    breaker, moment, lengths = opened(), 0.0, []
    for _ in range(7):
        assert breaker.until is not None
        lengths.append((breaker.until - at(moment)).total_seconds())
        moment = (breaker.until - NOW).total_seconds()
        breaker, _ = rules.ask(breaker, "p", at(moment))
        breaker = after((moment, ended(ProbeEnd.FAILED)), breaker=breaker)
    assert lengths == [30, 60, 120, 240, 480, 600, 600]


def test_breaker_calls_that_began_before_it_opened_change_nothing() -> None:
    """Their ends come late, be they good or bad."""
    assert after((1, seen(9)), (2, seen(0, 9)), breaker=opened()) == opened()
    assert after((31, seen(9)), (32, seen(0, 9)), breaker=probing()) == probing()


def test_breaker_holds_everybody_as_long_as_the_provider_asks() -> None:
    """A retry-after is no failure: nothing opens, and all wait for the same moment."""
    report = Report(hold_seconds=20, hold_reason="rate limited")
    breaker = after((0, report), (1, Report(hold_seconds=5, hold_reason="rate limited")))
    assert breaker.phase is Phase.CLOSED
    told = rules.look(breaker, at(2))
    assert isinstance(told, Held)
    assert told.text == "runtime bedrock asks for a pause until 06:00:20Z: rate limited"
    assert rules.look(breaker, at(20)) == Go()


def test_breaker_believes_no_pause_beyond_its_maximum() -> None:
    """A provider that asks for a day is asked again before."""
    breaker = after((0, Report(hold_seconds=86_400, hold_reason="quota")))
    assert breaker.held_until == at(600)


def test_breaker_knows_when_it_changes_next_and_when_it_may_end() -> None:
    """The workflow sleeps exactly until then."""
    assert rules.next_change(FRESH) is None
    assert rules.next_change(opened()) == at(30)
    assert rules.next_change(probing()) == at(60)
    assert rules.next_change(after((5, seen(1)))) == at(65)
    closed = after((31, ended(ProbeEnd.ANSWERED)), breaker=probing())
    assert rules.next_change(closed) == rules.forgotten_at(closed) == at(31 + 3600)
    assert rules.forgotten_at(opened()) is None
