"""Slots whose runs have not begun in time, by what `sla.start_within` promises. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from rota.ids import format_slot
from rota.keepers.state import LedgerEntry
from rota.language.durations import format_duration
from rota.notices.spec import Occasion
from rota.runs import RunStatus, Trigger
from rota.watchdog.alerts import Alert, Finding
from rota.watchdog.missing import Slots


def late(
    slots: Slots, undecided: Sequence[datetime], since: datetime, known: Sequence[Alert]
) -> list[Finding]:
    """Return the slots that are, or were, late.

    Args:
        slots: Judges each.
        undecided: Slots whose runs may still begin.
        since: Runs that have begun since then are looked at.
        known: Alerts of the agent.

    Raises:
        ValueError: a schedule's zone is not known here.
    """
    sla, now = slots.spec.sla, slots.now
    open_ones = {alert.last: alert for alert in known if _is_open(alert)}
    allowed = sla.start_within if sla else None
    if allowed is None:
        return [_over(alert, now, "it is not promised any more") for alert in open_ones.values()]
    # Of several runs of a slot the first counts.
    begun = {
        entry.own_slot: entry
        for entry in reversed(slots.evidence.entries)
        if entry.own_slot is not None and _has_begun(entry)
    }
    found = [
        _late(slots, slot, allowed, begun.get(slot))
        for slot in sorted({*undecided, *_new(begun, since), *(begun.keys() & open_ones.keys())})
        if (_began(begun[slot]) if slot in begun else now) > slot + allowed
    ]
    keys = {each.key for each in found}
    rest = [alert for alert in open_ones.values() if alert.key not in keys]
    return [*found, *(_over(alert, now, _became(slots, alert)) for alert in rest)]


def _late(slots: Slots, slot: datetime, allowed: timedelta, entry: LedgerEntry | None) -> Finding:
    agent, name = slots.spec.name, format_slot(slot)
    began = _began(entry) if entry else None
    return Finding(
        key=f"late/{agent}/{name}",
        kind=Occasion.LATE,
        agent=agent,
        team=slots.spec.team,
        run=entry.run.id if entry and entry.run else "",
        since=slot + allowed,
        last=slot,
        reason=f"slot {name} had not begun within {format_duration(allowed)}",
        todo=f"rota explain {agent} {name}",
        over=began,
        ended=f"it began at {format_slot(began)}" if began else "",
    )


def _over(alert: Alert, now: datetime, ended: str) -> Finding:
    finding = Finding.model_validate(alert.model_dump())
    return finding.model_copy(update={"over": now, "ended": ended})


def _became(slots: Slots, alert: Alert) -> str:
    """What the slot of an alert has come to, if no run of it is to come."""
    if alert.last is None:
        return ""
    verdict = slots.verdict(alert.last)
    if slots.is_missed(verdict):
        return "it did not run: it is told as missed"
    return verdict.reason or verdict.state.value.replace("_", " ")


def _new(begun: dict[datetime, LedgerEntry], since: datetime) -> list[datetime]:
    """Slots of the schedule whose runs have begun since then."""
    return [
        slot
        for slot, entry in begun.items()
        if entry.trigger is Trigger.SCHEDULE and _began(entry) >= since
    ]


def _began(entry: LedgerEntry) -> datetime:
    return entry.let_go_at or entry.admitted_at


def _has_begun(entry: LedgerEntry) -> bool:
    return entry.run is not None and entry.status not in (RunStatus.QUEUED, RunStatus.SKIPPED)


def _is_open(alert: Alert) -> bool:
    return alert.kind is Occasion.LATE and alert.is_open
