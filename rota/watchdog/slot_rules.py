"""Slots that did not run, or began late: the verdicts of `rota missed`, as findings. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from rota.durations import format_duration
from rota.expected.evidence import Evidence
from rota.expected.in_force import slots_in_force
from rota.expected.slot_state import SlotState, Verdict
from rota.expected.verdicts import Judge
from rota.ids import format_slot
from rota.keeper_state import LedgerEntry
from rota.notify_spec import Occasion
from rota.runs import RunStatus, Trigger
from rota.watchdog.alerts import Alert, Finding
from rota.watchdog.episodes import Episode, Mark, episodes
from rota.watchdog.sla import SlaSpec

MOST_SLOTS = 2000
"""Slots of one agent that one check judges; the next one goes on from there."""
LONGEST_LOOK = timedelta(days=7)
"""What is not decided after that is left to `rota missed`."""

_BEGAN = (SlotState.SUCCEEDED, SlotState.FAILED, SlotState.RUNNING)
_HELD = (SlotState.PAUSED, SlotState.FROZEN, SlotState.NOT_EXPECTED, SlotState.COALESCED)
"""Somebody wants it so, or a newer slot answers for it, as declared."""
_TO_COME = (SlotState.NOT_DUE, SlotState.HELD_BACK)
_NOTHING_BEGAN = (
    SlotState.NOT_DUE,
    SlotState.NO_SCHEDULE,
    SlotState.SERVER_DOWN,
    SlotState.OUTSIDE_WINDOW,
    SlotState.UNKNOWN,
)
"""Nothing was in the way: no pause, no run at work."""


class Judged(NamedTuple):
    """What one check says of an agent's slots."""

    findings: list[Finding]
    decided_until: datetime
    """From there the next check goes on: the first slot that is not decided, or its own time."""
    unstarted: list[datetime]
    """Slots that have come, for which nothing began and nothing was in the way."""


def judge_slots(
    evidence: Evidence,
    since: datetime,
    now: datetime,
    *,
    known: Sequence[Alert] = (),
    sla: SlaSpec | None = None,
    team: str = "",
) -> Judged:
    """Judge the slots from `since` to `now`.

    Args:
        evidence: What is known of the agent.
        since: `decided_until` of the check before.
        now: When the evidence was gathered.
        known: Alerts of the agent.
        sla: What its declaration promises.
        team: The agent's.

    Raises:
        ValueError: a schedule's zone is not known here.
    """
    since = max(since, now - LONGEST_LOOK)
    judge = Judge(evidence, now)
    verdicts: list[Verdict] = []
    undecided: list[datetime] = []
    unstarted: list[datetime] = []
    until = now
    slots = slots_in_force(evidence.chronicle, since, now)
    for slot, _ in islice(slots, MOST_SLOTS):
        verdict = judge.verdict(slot)
        if verdict.state in _NOTHING_BEGAN:
            unstarted.append(slot)
        if _is_undecided(verdict, evidence):
            undecided.append(slot)
        elif not undecided:
            verdicts.append(verdict)
            until = slot if len(verdicts) == MOST_SLOTS else now
    missed = [
        _missed(evidence.name, team, episode)
        for episode in episodes(
            _marks(verdicts), _of(known, Occasion.MISSED), f"missed/{evidence.name}/"
        )
    ]
    late = _late(evidence, undecided, since, now, sla, team) if sla else []
    return Judged([*missed, *late], min([until, *undecided]), unstarted)


def _is_undecided(verdict: Verdict, evidence: Evidence) -> bool:
    if verdict.state is SlotState.UNADMITTED:
        # Once its worker is back, it is admitted.
        fired = evidence.fired.get(verdict.slot)
        return fired is not None and fired.ended is None
    return verdict.state in _TO_COME or verdict.status is RunStatus.QUEUED


def _is_missed(verdict: Verdict) -> bool:
    return verdict.state not in (*_BEGAN, *_HELD, *_TO_COME)


def _marks(verdicts: Sequence[Verdict]) -> Iterator[Mark]:
    for verdict in verdicts:
        slot = format_slot(verdict.slot)
        if _is_missed(verdict):
            yield Mark(verdict.slot, slot, True, verdict.reason or verdict.state.value)
        elif verdict.state in _BEGAN:
            yield Mark(verdict.slot, slot, False, f"{verdict.run or 'a run'} began")


def _missed(agent: str, team: str, episode: Episode) -> Finding:
    last, count = episode.last.at, episode.many
    more = f" ({count} slots, the newest {format_slot(last)})" if count > 1 else ""
    first = format_slot(episode.since)
    return Finding(
        key=f"missed/{agent}/{episode.name}",
        kind=Occasion.MISSED,
        agent=agent,
        team=team,
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


def _late(
    evidence: Evidence,
    undecided: Sequence[datetime],
    since: datetime,
    now: datetime,
    sla: SlaSpec,
    team: str,
) -> list[Finding]:
    if sla.start_within is None:
        return []
    begun = {
        entry.own_slot: entry
        for entry in evidence.entries
        if entry.own_slot is not None
        and entry.run is not None
        and entry.trigger is Trigger.SCHEDULE
        and _began(entry)
        and entry.admitted_at >= since
    }
    found: list[Finding] = []
    for slot in sorted({*begun, *undecided}):
        due, entry = slot + sla.start_within, begun.get(slot)
        if (entry.admitted_at if entry else now) <= due:
            continue
        allowed, name = format_duration(sla.start_within), format_slot(slot)
        found.append(
            Finding(
                key=f"late/{evidence.name}/{name}",
                kind=Occasion.LATE,
                agent=evidence.name,
                team=team,
                run=entry.run.id if entry and entry.run else "",
                since=due,
                reason=f"slot {name} had not begun within {allowed}",
                todo=f"rota explain {evidence.name} {name}",
                over=entry.admitted_at if entry else None,
                ended=f"it began at {format_slot(entry.admitted_at)}" if entry else "",
            )
        )
    return found


def _began(entry: LedgerEntry) -> bool:
    return entry.status not in (RunStatus.QUEUED, RunStatus.SKIPPED)


def _of(known: Sequence[Alert], kind: Occasion) -> list[Alert]:
    return [alert for alert in known if alert.kind is kind]
