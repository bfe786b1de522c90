"""Schedules that are not as declared: paused, deleted, or at their end. Pure."""

from datetime import datetime

from rota.expected.in_force import Toggle
from rota.ids import format_slot
from rota.model import Record
from rota.notify_spec import Occasion
from rota.pinned_spec import PinnedSpec
from rota.watchdog.alerts import Finding

JUST_DECLARED = 60.0
"""Seconds after a declaration: `rota apply` may be about to write its schedule."""


class SeenSchedule(Record):
    """A schedule as the server has it."""

    exists: bool = True
    paused: bool = False
    note: str = ""
    changed: datetime | None = None
    created: datetime | None = None
    has_next: bool = True
    """It has slots to come."""


def schedule_changed(
    spec: PinnedSpec,
    seen: SeenSchedule,
    now: datetime,
    *,
    declared: datetime | None = None,
    toggle: Toggle | None = None,
) -> Finding | None:
    """A schedule that starts nothing any more, though it is declared to.

    Args:
        spec: The declaration in force.
        seen: What the server has.
        now: When that was seen.
        declared: Since when the declaration is in force.
        toggle: The pause that the keeper knows of.
    """
    if spec.schedule is None or spec.schedule.paused:
        return None
    written = max(filter(None, (seen.changed, seen.created)), default=None)
    is_new = declared is not None and (now - declared).total_seconds() < JUST_DECLARED
    if declared is not None and is_new and (written is None or written < declared):
        return None
    name = spec.name
    if not seen.exists:
        what, since = "deleted", now
        reason = "it has no schedule on the server: somebody has deleted it"
        todo = "rota apply"
    elif seen.paused:
        what, since = "paused", (toggle.at if toggle else seen.changed) or now
        note = (toggle.note if toggle else seen.note) or seen.note
        reason = "its schedule is paused" + (f": {note}" if note else "")
        todo = f"rota resume {name}"
    elif not seen.has_next:
        what, since = "ended", seen.changed or seen.created or now
        reason = "its schedule has come to its end: no slot is to come"
        todo = "change its schedule, or remove it, and run rota apply"
    else:
        return None
    stamp = "" if what == "deleted" else f"/{format_slot(since)}"
    return Finding(
        key=f"schedule_changed/{name}/{what}{stamp}",
        kind=Occasion.SCHEDULE_CHANGED,
        agent=name,
        team=spec.team,
        since=since,
        reason=reason,
        todo=todo,
    )
