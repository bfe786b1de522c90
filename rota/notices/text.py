"""What a message says to people: a headline, and one line for each fact.

Pure, and without any channel's markup: each channel escapes what it is given. Reasons may hold
what a model or a stranger wrote, so they are made one line without control characters.
"""

import shlex
from collections import Counter
from typing import NamedTuple

from rota.notices.facts import LINK_LIMIT, REASON_LIMIT, Fact, Message
from rota.notices.spec import Occasion
from rota.runs import RunStatus

TEXT_LINES = 20
"""Facts that people are told one by one; the rest is counted."""
LINKS = 5

ENDS = {
    RunStatus.FAILED: Occasion.FAILED,
    RunStatus.TIMED_OUT: Occasion.TIMED_OUT,
    RunStatus.BLOCKED: Occasion.BLOCKED,
    RunStatus.CANCELLED: Occasion.CANCELLED,
    RunStatus.SKIPPED: Occasion.SKIPPED,
    RunStatus.SUCCEEDED: Occasion.SUCCEEDED,
}
"""What people may be told of a run's end."""


class Line(NamedTuple):
    """One fact as people are told it."""

    text: str
    """`failed · report-2026-11-22T06:00:00Z · no answer in time`."""
    todo: str
    """A command as it is typed; empty if there is nothing to do."""
    links: dict[str, str]


def headline(message: Message) -> str:
    """Return the message in a few words: `report failed`, `12 facts: 10 failed, 2 blocked`."""
    counts = Counter(message.omitted)
    counts.update(fact.occasion for fact in message.facts)
    if counts.total() == 1 and message.facts:
        (fact,) = message.facts
        return " ".join(filter(None, (fact.agent, _told(fact))))
    # Not "runs": a budget, or several steps of one run, may be among them.
    return f"{counts.total()} facts: {_listed(counts)}"


def lines(message: Message) -> list[Line]:
    """Return the facts that are told one by one, oldest first."""
    return [_line(fact) for fact in message.facts[:TEXT_LINES]]


def rest(message: Message, told: int = TEXT_LINES) -> str:
    """Return what the facts after the first `told` are, counted; empty if there are none."""
    counts = Counter(message.omitted)
    counts.update(fact.occasion for fact in message.facts[told:])
    if not counts.total():
        return ""
    return f"and {counts.total()} more: {_listed(counts)}; 'rota runs' lists runs"


def plain(message: Message) -> str:
    """Return the whole message as plain text."""
    told = [
        "\n".join(
            [
                line.text,
                *([f"    → {line.todo}"] if line.todo else []),
                *(f"    {name}: {url}" for name, url in line.links.items()),
            ]
        )
        for line in lines(message)
    ]
    return "\n\n".join([*told, *filter(None, [rest(message)])]) + "\n"


def todo_of(occasion: Occasion, run: str) -> str:
    """Return the command that tells more about a run, or mends it, in the ordinary case."""
    shown = shlex.quote(run)
    if occasion is Occasion.BLOCKED:
        return "rota doctor"
    if occasion is Occasion.QUESTION:
        return f"rota answer {shown}"
    return f"rota show {shown}"


def one_line(text: str, limit: int = REASON_LIMIT) -> str:
    """Return a text of any origin as one line without control characters, cut where too long."""
    words = "".join(sign if sign.isprintable() else " " for sign in text).split()
    line = " ".join(words)
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def links_of(links: dict[str, str]) -> dict[str, str]:
    """Return what the work of a run left behind elsewhere, as much as a message has room for."""
    found = {one_line(k, 40): one_line(v, LINK_LIMIT) for k, v in links.items()}
    return dict(sorted(found.items())[:LINKS])


def _line(fact: Fact) -> Line:
    about = fact.run or fact.agent
    # An id such as `report-2026…` names its agent; one that somebody chose may not.
    if fact.run and not fact.run.startswith(fact.agent):
        about = f"{fact.agent}, {fact.run}"
    parts = [_told(fact), one_line(about), one_line(fact.reason)]
    links = {name: url for name, url in fact.links.items() if url}
    return Line(" · ".join(filter(None, parts)), one_line(fact.todo), links)


def _told(fact: Fact) -> str:
    return f"{_words(fact.occasion)}: over" if fact.resolved else _words(fact.occasion)


def _words(occasion: Occasion) -> str:
    special = {
        Occasion.QUESTION: "asks a question",
        Occasion.EFFECT_UNKNOWN: "effect unknown",
        Occasion.BUDGET_SOFT: "budget: soft limit reached",
    }
    return special.get(occasion, occasion.value.replace("_", " "))


def _listed(counts: "Counter[Occasion]") -> str:
    listed = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{count} {occasion.value.replace('_', ' ')}" for occasion, count in listed)
