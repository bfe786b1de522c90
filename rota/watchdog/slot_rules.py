"""Slots that did not run: the verdicts of `rota missed`, as findings. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from rota.expected.evidence import Evidence
from rota.expected.in_force import slots_in_force
from rota.expected.slot_state import Verdict
from rota.ids import format_slot
from rota.language.durations import format_duration
from rota.notices.spec import Occasion
from rota.pinned_spec import PinnedSpec
from rota.watchdog.alerts import Alert, Finding
from rota.watchdog.episodes import Episode, Mark, episodes
from rota.watchdog.late_rules import late
from rota.watchdog.missing import UNDECIDED, Slots

MOST_SLOTS = 2000
"""Slots of one agent that one check judges, of old ones and of new ones; the next check goes on
from there."""
LONGEST_LOOK = UNDECIDED + timedelta(days=1)
"""What is older is left to `rota missed`, undecided or not."""


class Judged(NamedTuple):
    """What one check says of an agent's slots."""

    findings: list[Finding]
    decided_until: datetime
    """From there the next check goes on: the first slot that is not decided, or its own time."""
    unstarted: list[datetime]
    """Slots that have come, for which nothing began and nothing was in the way."""


def judge_slots(
    slots: Slots,
    since: datetime,
    *,
    fresh: datetime | None = None,
    known: Sequence[Alert] = (),
) -> Judged:
    """Judge the slots from `since` to now.

    Args:
        slots: Judges each.
        since: `decided_until` of the check before.
        fresh: From when on slots are new: they are judged however many older ones there are.
        known: Alerts of the agent.

    Raises:
        ValueError: a schedule's zone is not known here.
    """
    evidence, now = slots.evidence, slots.now
    since = max(since, now - LONGEST_LOOK)
    old, until = _first(evidence, since, now)
    new, _ = _first(evidence, max(fresh or now, until), now)
    undecided: list[datetime] = []
    decided: list[Verdict] = []
    unstarted: list[datetime] = []
    for slot in sorted({*old, *new}):
        verdict = slots.verdict(slot)
        if slots.is_undecided(verdict):
            undecided.append(slot)
        else:
            decided.append(verdict)
        if slots.is_unstarted(verdict):
            unstarted.append(slot)
    name = evidence.name
    told = [alert for alert in known if alert.kind is Occasion.MISSED]
    rows = episodes(_marks(slots, decided), told, f"missed/{name}/")
    missed = [_missed(slots.spec, _ended(slots, each)) for each in rows]
    found = late(slots, undecided, since, known)
    return Judged([*missed, *found], min([until, *undecided]), unstarted)


def _first(evidence: Evidence, since: datetime, now: datetime) -> tuple[list[datetime], datetime]:
    """The first slots since then, and up to when these are all."""
    found = [slot for slot, _ in islice(slots_in_force(evidence.chronicle, since, now), MOST_SLOTS)]
    return found, found[-1] if len(found) == MOST_SLOTS else now


def _marks(slots: Slots, verdicts: Sequence[Verdict]) -> Iterator[Mark]:
    for verdict in verdicts:
        slot = format_slot(verdict.slot)
        if slots.is_missed(verdict):
            yield Mark(verdict.slot, slot, True, verdict.reason or verdict.state.value)
        elif slots.has_begun(verdict):
            yield Mark(verdict.slot, slot, False, f"{verdict.run or 'a run'} began")


def _ended(slots: Slots, episode: Episode) -> Episode:
    """An episode that no later run ends may be over all the same."""
    if episode.end is not None:
        return episode
    why = slots.at_rest or _made_good(slots, episode)
    if not why and slots.is_at_end and slots.now - episode.last.at > UNDECIDED:
        why = f"no slot is to come, and {format_duration(UNDECIDED)} are over: see rota missed"
    return episode._replace(end=Mark(slots.now, "", False, why)) if why else episode


def _made_good(slots: Slots, episode: Episode) -> str:
    """What has become of its slots after all; empty while one of them is missed, or may be."""
    span = slots_in_force(slots.evidence.chronicle, episode.since, episode.last.at)
    verdicts: list[Verdict] = []
    for slot, _ in islice(span, MOST_SLOTS + 1):
        verdict = slots.verdict(slot)
        if slots.is_missed(verdict) or slots.is_undecided(verdict):
            return ""
        verdicts.append(verdict)
    if not verdicts or len(verdicts) > MOST_SLOTS:
        return ""
    runs = [verdict.run for verdict in verdicts if slots.has_begun(verdict) and verdict.run]
    last = verdicts[-1]
    return f"made good by {runs[-1]}" if runs else last.reason or last.state.value


def _missed(spec: PinnedSpec, episode: Episode) -> Finding:
    agent, last, count = spec.name, episode.last.at, episode.many
    more = f" ({count} slots, the newest {format_slot(last)})" if count > 1 else ""
    first = format_slot(episode.since)
    return Finding(
        key=f"missed/{agent}/{episode.name}",
        kind=Occasion.MISSED,
        agent=agent,
        team=spec.team,
        since=episode.since,
        last=last,
        count=count,
        reason=_once(episode.last.reason, f"slot {first}{more}: "),
        todo=f"rota explain {agent} {format_slot(last)}",
        over=episode.end.at if episode.end else None,
        ended=episode.end.reason if episode.end else "",
    )


def _once(reason: str, before: str) -> str:
    # What comes from an alert has it already.
    return reason if reason.startswith("slot ") else before + reason
