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
        known: Alerts of the row, whose keys are `prefix` and a name; at most one is open.
        prefix: Of the keys.
    """
    row = _Row(known, prefix)
    for mark in marks:
        row.come_to(mark.at)
        (row.bad if mark.is_bad else row.good)(mark)
    row.come_to(None)
    return list(row.found.values())


class _Row:
    """A row that is gone through."""

    def __init__(self, known: Sequence[Alert], prefix: str) -> None:
        self._told = {alert.key.removeprefix(prefix): alert for alert in known}
        self.found: dict[str, Episode] = {}
        self._current = ""
        self._ahead = next((name for name, alert in self._told.items() if alert.is_open), "")
        """What is open, until the row has come to it: what was decided late may lie before."""
        if self._ahead:
            self.found[self._ahead] = _again(self._ahead, self._told[self._ahead])

    def come_to(self, at: datetime | None) -> None:
        """Go on to a moment; None: to the end."""
        if self._ahead and (at is None or at >= self._told[self._ahead].since):
            self._enter(self._ahead)
            self._ahead = ""

    def good(self, mark: Mark) -> None:
        """Something went well."""
        current = self.found.get(self._current)
        if current is not None and mark.at > current.last.at:
            self.found[current.name] = current._replace(end=mark)
            self._current = ""

    def bad(self, mark: Mark) -> None:
        """Something went wrong."""
        within = next((n for n, alert in self._told.items() if _spans(alert, mark.at)), "")
        current = self.found.get(self._current)
        if within:
            self._enter(within)
        elif current is not None:
            self.found[current.name] = current._replace(last=mark, many=current.many + 1)
        else:
            self._current = mark.name
            self.found[mark.name] = Episode(mark.name, mark.at, mark, 1, None)

    def _enter(self, name: str) -> None:
        if self._current not in self._told:
            # What was found just before it belongs to it: nobody need be told again.
            self.found.pop(self._current, None)
        alert = self._told[name]
        self.found.setdefault(name, _again(name, alert))
        self._current = name if alert.is_open else ""


def _spans(alert: Alert, at: datetime) -> bool:
    return alert.since <= at <= (alert.last or alert.since)


def _again(name: str, alert: Alert) -> Episode:
    last = Mark(alert.last or alert.since, name, True, alert.reason, alert.todo, alert.run)
    end = None
    if alert.over is not None:
        end = Mark(alert.over, "", False, alert.ended)
    return Episode(name, alert.since, last, alert.count, end)
