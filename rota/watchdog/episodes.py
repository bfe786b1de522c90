"""Things that go wrong in a row, told as one: from the first to the next that goes well. Pure.

A row is gone through again by later checks, as long as something in it is not decided yet. What
was told of a row is recognised by its span, so it is told once however often it is gone through.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from rota.watchdog.alerts import Alert


class Mark(NamedTuple):
    """One of a row."""

    at: datetime
    name: str
    """Tells it from the others; part of the key of what begins with it."""
    is_bad: bool
    reason: str = ""
    todo: str = ""
    run: str = ""


class Episode(NamedTuple):
    """Some of a row that went wrong one after the other."""

    name: str
    """Of its first; what is known goes by the name it has."""
    since: datetime
    last: Mark
    many: int
    end: Mark | None
    """What went well afterwards; None: nothing yet."""


def episodes(marks: Iterable[Mark], known: Sequence[Alert], prefix: str) -> list[Episode]:
    """Divide a row into what went wrong together.

    Args:
        marks: Of the row, in the order of their times; those that say neither are left out.
        known: Alerts of the row, whose keys are `prefix` and a name.
        prefix: Of the keys.
    """
    told = {alert.key.removeprefix(prefix): alert for alert in known}
    found: dict[str, Episode] = {}
    current = next((name for name, alert in told.items() if alert.is_open), "")
    if current:
        found[current] = _again(current, told[current])
    for mark in marks:
        if not mark.is_bad:
            if current and mark.at > found[current].last.at:
                found[current] = found[current]._replace(end=mark)
                current = ""
            continue
        within = next((n for n, alert in told.items() if _spans(alert, mark.at)), "")
        if within:
            current = "" if told[within].over else within
            found.setdefault(within, _again(within, told[within]))
        elif current:
            found[current] = found[current]._replace(last=mark, many=found[current].many + 1)
        else:
            current = mark.name
            found[current] = Episode(mark.name, mark.at, mark, 1, None)
    return list(found.values())


def _spans(alert: Alert, at: datetime) -> bool:
    return alert.since <= at <= (alert.last or alert.since)


def _again(name: str, alert: Alert) -> Episode:
    last = Mark(alert.last or alert.since, name, True, alert.reason, alert.todo, alert.run)
    end = None
    if alert.over is not None:
        end = Mark(alert.over, "", False, alert.ended)
    return Episode(name, alert.since, last, alert.count, end)
