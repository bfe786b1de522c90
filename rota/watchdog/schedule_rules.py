"""Schedules that are not as declared: paused, changed, deleted, or at their end. Pure."""

from datetime import datetime
from typing import NamedTuple

from rota.expected.by_hand import JUST_DECLARED
from rota.expected.in_force import Chronicle
from rota.expected.live import LiveSchedule
from rota.notices.spec import Occasion
from rota.pinned_spec import PinnedSpec
from rota.schedule.calendars import never_fires
from rota.schedule.spec import ScheduleSpec
from rota.watchdog.alerts import Finding


class _Wrong(NamedTuple):
    what: str
    """In one word: it is the same thing for as long as that lasts, whenever it began."""
    since: datetime
    reason: str
    todo: str
    ended: str = ""
    """Why there is nothing to be done about it."""


def schedule_changed(
    spec: PinnedSpec, live: LiveSchedule | None, chronicle: Chronicle, now: datetime
) -> list[Finding]:
    """A schedule that does not start what is declared.

    Args:
        spec: The declaration in force.
        live: What the server has.
        chronicle: What the keeper knows of both.
        now: When the schedule was seen.
    """
    if spec.schedule is None or spec.schedule.paused:
        return []
    if _is_being_applied(live, chronicle, now):
        return []
    return [
        Finding(
            key=f"schedule_changed/{spec.name}/{wrong.what}",
            kind=Occasion.SCHEDULE_CHANGED,
            agent=spec.name,
            team=spec.team,
            since=wrong.since,
            reason=wrong.reason,
            todo=wrong.todo,
            over=now if wrong.ended else None,
            ended=wrong.ended,
        )
        for wrong in _wrong(spec.name, spec.schedule, live, chronicle, now)
    ]


def _is_being_applied(live: LiveSchedule | None, chronicle: Chronicle, now: datetime) -> bool:
    """True if it was declared just now, and its schedule may be about to be written."""
    declared = chronicle.declared_at(now)
    if declared is None or now - declared.since >= JUST_DECLARED:
        return False
    written = (live.changed or live.created) if live is not None else None
    return written is None or written < declared.since


def _wrong(
    name: str,
    declared: ScheduleSpec,
    live: LiveSchedule | None,
    chronicle: Chronicle,
    now: datetime,
) -> list[_Wrong]:
    if live is None:
        reason = "it has no schedule on the server: somebody has deleted it"
        return [_Wrong("deleted", now, reason, "rota apply")]
    found: list[_Wrong] = []
    if live.paused:
        heard = chronicle.paused_at(now)
        reason = "its schedule is paused" + (f": {live.note}" if live.note else "")
        found.append(_Wrong("paused", heard.at if heard else now, reason, f"rota resume {name}"))
    if live.differs:
        found.append(_Wrong("changed", live.changed or now, live.as_changed, "rota apply"))
    elif not live.has_next:
        reason = "its schedule has come to its end: no slot is to come"
        todo = "change its schedule, or remove it, and run rota apply"
        as_declared = "that is as declared" if never_fires(declared, now) else ""
        found.append(_Wrong("ended", live.changed or now, reason, todo, as_declared))
    return found
