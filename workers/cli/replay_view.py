"""Replays as people read them: what is bad first, then what has changed, together."""

import difflib
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from rota.checks.json_changes import Change
from rota.what_if.replay import Drift, Replayed, ReplayVerdict
from workers.cli.output import console

_SHOWN = 160
"""Characters of a value; `--full` shows all."""
_LINES = 12
"""Lines of a text that differs, likewise."""
_GROUPS = 30
"""Kinds of drift that are told without `--full`."""


def summary_of(replays: Sequence[Replayed]) -> dict[str, int]:
    """How many there are of each verdict."""
    counts = Counter(each.verdict for each in replays)
    return {"histories": len(replays), **{v.value: counts[v] for v in ReplayVerdict}}


def print_replays(replays: Sequence[Replayed], *, full: bool) -> None:
    """Print what became of histories."""
    out = console()
    for each in replays:
        if each.verdict.bad:
            _print_bad(out, each)
    drifted = [each for each in replays if each.drift]
    if full:
        for each in drifted:
            out.print(f"[yellow]drift[/] {_named(each)}")
            for drift in each.drift:
                _print_drift(out, drift)
    else:
        _print_groups(out, drifted)
    for note, count in Counter(each.note for each in replays if each.note).most_common():
        out.print(f"note ({count}): {escape(note)}")
    counts = summary_of(replays)
    words = (("same", "same"), ("drift", "drift"), ("nondeterministic", "nondeterministic"))
    told = [f"{counts[key]} {word}" for key, word in (*words, ("error", "not to be replayed"))]
    out.print(f"{counts['histories']} histories: {', '.join(told)}")


def _named(each: Replayed) -> str:
    text = f"{each.workflow_type} {each.workflow_id}"
    return escape(f"{text} ({each.run_id}), {each.events} events" if each.run_id else text)


def _print_bad(out: Console, each: Replayed) -> None:
    out.print(f"[red]{each.verdict.value}[/] {_named(each)}")
    place = each.place
    if place is None:
        out.print(f"  {escape(each.reason)}")
        return
    wanted = ", ".join(place.wanted) or "nothing"
    out.print(f"  at event {place.event}: recorded {escape(place.recorded)}")
    out.print(f"  today's code asks there for {escape(wanted)}")
    out.print(f"  [dim]{escape(place.said)}[/]")


def _print_groups(out: Console, drifted: Sequence[Replayed]) -> None:
    """Tell what changed alike in many histories once, with the first place."""
    groups: dict[tuple[str, str], list[tuple[Replayed, Drift]]] = {}
    for each in drifted:
        for drift in each.drift:
            groups.setdefault((_kind(drift.where), drift.path), []).append((each, drift))
    for (where, path), found in list(groups.items())[:_GROUPS]:
        histories = len({(each.workflow_id, each.run_id) for each, _ in found})
        first, drift = found[0]
        place = first.workflow_id + (f" event {drift.event}" if drift.event else "")
        times = f"{len(found)} times in {histories} histories, first {place}"
        out.print(f"[yellow]drift[/] {escape(where)}: {escape(path)} [dim]{escape(times)}[/]")
        _print_values(out, drift, full=False)
    if len(groups) > _GROUPS:
        out.print(f"and {len(groups) - _GROUPS} more kinds of drift: --full shows all")


def _kind(where: str) -> str:
    """A label without what differs from run to run: how long, of which run, the summary."""
    words = where.split(" (")[0].split()
    return words[0] if words[0] in ("timer", "run") else " ".join(words[:2])


def _print_drift(out: Console, drift: Drift) -> None:
    event = f" event {drift.event}" if drift.event else ""
    out.print(f"  {escape(drift.where)}{event}: {escape(drift.path)}")
    _print_values(out, drift, full=True)


def _print_values(out: Console, drift: Drift, *, full: bool) -> None:
    before, after = drift.before, drift.after
    if isinstance(before, str) and isinstance(after, str) and "\n" in before + after:
        _print_lines(out, before, after, full=full)
        return
    if drift.change is not Change.ADDED:
        out.print(f"    [red]- {escape(_shown(before, full=full))}[/]")
    if drift.change is not Change.REMOVED:
        out.print(f"    [green]+ {escape(_shown(after, full=full))}[/]")


def _print_lines(out: Console, before: str, after: str, *, full: bool) -> None:
    diff = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1)
    changed = [line for line in list(diff)[2:] if not line.startswith("@@")]
    shown = changed if full else changed[:_LINES]
    for line in shown:
        colour = {"-": "red", "+": "green"}.get(line[:1], "dim")
        out.print(f"    [{colour}]{escape(line)}[/]")
    if len(changed) > len(shown):
        out.print(f"    [dim]and {len(changed) - len(shown)} more lines[/]")


def _shown(value: Any, *, full: bool) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if full or len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
