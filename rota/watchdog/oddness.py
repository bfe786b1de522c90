"""Runs that succeed and are odd: longer, dearer, larger or emptier than their agent's are. Pure.

Robust statistics: the median and the median distance from it, of logarithms, so that a few odd
runs among the history do not make the next ones ordinary, and twice as much is as far as half.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from statistics import median

from rota.keepers.state import LedgerEntry
from rota.notices.spec import Occasion
from rota.runs import RunStatus
from rota.watchdog.alerts import Alert, Finding
from rota.watchdog.episodes import Mark, episodes

LEAST_HISTORY = 12
"""Successes that an agent must have had before anything of it is odd."""
HISTORY = 60
"""The newest of them that count."""
FARTHEST = 6.0
"""Times the usual distance from the median."""
LEAST_FACTOR = 3.0
"""How much more or less than the median is odd at the least, however alike all others are."""
_TO_SIGMA = 1.4826
"""The median distance, of what is spread normally, in standard deviations."""
EMPTY_STREAK = 3
"""Empty results in a row, of an agent that seldom has any."""
SELDOM = 0.1

_Measure = Callable[[LedgerEntry], float | None]


def _seconds(entry: LedgerEntry) -> float | None:
    if entry.settled_at is None:
        return None
    return (entry.settled_at - entry.admitted_at) / timedelta(seconds=1)


def _tokens(entry: LedgerEntry) -> float | None:
    return float(entry.usage.tokens) or None


def _size(entry: LedgerEntry) -> float | None:
    return None if entry.output_bytes is None else float(entry.output_bytes)


MEASURES: dict[str, tuple[_Measure, float, str]] = {
    "duration": (_seconds, 30.0, "s"),
    "tokens": (_tokens, 2000.0, " tokens"),
    "result size": (_size, 2000.0, " bytes of result"),
}
"""By name: what is measured, the least difference that anybody would look at, and its unit."""


def outlier(value: float, history: Sequence[float], least: float) -> float | None:
    """Return the median of `history` if `value` is far from it; None if it is ordinary.

    Args:
        value: Not negative.
        history: Of the same agent, before it.
        least: A smaller difference is never odd.
    """
    if len(history) < LEAST_HISTORY:
        return None
    middle = median(history)
    if abs(value - middle) < least:
        return None
    logs = [math.log1p(each) for each in history]
    centre = median(logs)
    spread = _TO_SIGMA * median(abs(each - centre) for each in logs)
    distance = abs(math.log1p(value) - centre)
    return middle if distance > max(FARTHEST * spread, math.log(LEAST_FACTOR)) else None


def odd_runs(
    agent: str,
    team: str,
    entries: Sequence[LedgerEntry],
    since: datetime,
    known: Sequence[Alert] = (),
) -> list[Finding]:
    """Return which of the newest successes are odd, each measure by itself.

    Args:
        agent: Its name.
        team: Its team.
        entries: Of its ledger.
        since: Those that have settled since then are judged, by those before each.
        known: Alerts of the agent.
    """
    done = [(each.settled_at, each) for each in entries if _counts(each) and each.settled_at]
    successes = [each for _, each in sorted(done, key=lambda pair: pair[0])]
    rows = {name: _measured(successes, since, *how) for name, how in MEASURES.items()}
    rows["empty results"] = _emptied(successes, since)
    return [
        finding
        for name, marks in rows.items()
        for finding in _findings(agent, team, name, marks, known)
    ]


def _counts(entry: LedgerEntry) -> bool:
    return entry.status is RunStatus.SUCCEEDED and entry.run is not None and not entry.fork


def _new(successes: Sequence[LedgerEntry], since: datetime) -> Iterator[tuple[int, LedgerEntry]]:
    for place, entry in enumerate(successes):
        if entry.settled_at is not None and entry.settled_at >= since:
            yield place, entry


def _measured(
    successes: Sequence[LedgerEntry], since: datetime, measure: _Measure, least: float, unit: str
) -> Iterator[Mark]:
    for place, entry in _new(successes, since):
        value = measure(entry)
        if value is None:
            continue
        before = [measure(each) for each in successes[max(0, place - HISTORY) : place]]
        history = [each for each in before if each is not None]
        usual = outlier(value, history, least)
        reason = ""
        if usual is not None:
            reason = f"{value:,.0f}{unit}, where {usual:,.0f} is usual"
        yield _mark(entry, usual is not None, reason)


def _emptied(successes: Sequence[LedgerEntry], since: datetime) -> Iterator[Mark]:
    for place, entry in _new(successes, since):
        if entry.output_empty is None:
            continue
        streak = 0
        while streak <= place and successes[place - streak].output_empty:
            streak += 1
        begin = place - streak + 1
        before = [each.output_empty for each in successes[max(0, begin - HISTORY) : begin]]
        known = [each for each in before if each is not None]
        seldom = len(known) >= LEAST_HISTORY and sum(known) <= SELDOM * len(known)
        if streak and not seldom:
            continue
        if streak and streak < EMPTY_STREAK:
            continue
        reason = f"{streak} empty results in a row, where they are seldom" if streak else ""
        yield _mark(entry, streak > 0, reason)


def _mark(entry: LedgerEntry, is_bad: bool, reason: str) -> Mark:
    assert entry.settled_at is not None
    assert entry.run is not None
    todo = f"rota show {entry.run.id}"
    return Mark(entry.settled_at, entry.run.key, is_bad, reason, todo, entry.run.id)


def _findings(
    agent: str, team: str, name: str, marks: Iterator[Mark], known: Sequence[Alert]
) -> Iterator[Finding]:
    prefix = f"odd/{agent}/{name.replace(' ', '_')}/"
    told = [alert for alert in known if alert.key.startswith(prefix)]
    for episode in episodes(marks, told, prefix):
        yield Finding(
            key=prefix + episode.name,
            kind=Occasion.ODD,
            agent=agent,
            team=team,
            run=episode.last.run,
            since=episode.since,
            last=episode.last.at,
            count=episode.many,
            reason=episode.last.reason,
            todo=episode.last.todo,
            over=episode.end.at if episode.end else None,
            ended="the next run was ordinary" if episode.end else "",
        )
