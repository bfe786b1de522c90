"""What a person does to a schedule on the server itself, of which its keeper does not hear.

Pure. A pause in the Temporal UI shows in the schedule for as long as it lasts, and nowhere else.
Since when is told by the server only if its scheduler counts pauses as changes (the newer one of
the two does, the older one does not). What a schedule has started at its time says when it was
not paused. Whoever looks again and again sees pauses come and go, and tells the keeper.
"""

from datetime import datetime, timedelta

from rota.expected.evidence import Evidence
from rota.expected.in_force import Toggle
from rota.keepers.slots import LATE

JUST_DECLARED = timedelta(minutes=1)
"""After a declaration `rota apply` may be about to write its schedule, and tells of that itself."""


def pause_at(evidence: Evidence, slot: datetime) -> Toggle | None:
    """Since when, and why, the schedule stood still at a slot without a run; None if it did not.

    The last word that the keeper has heard holds until something shows that it does no more.
    """
    toggle, live = evidence.chronicle.paused_at(slot), evidence.live
    if toggle is None or _is_over(evidence, toggle, slot):
        began = _began(evidence)
        return began if began is not None and slot >= began.at else None
    if live is not None and not live.paused and live.changed is not None:
        resumed = live.changed > toggle.at and evidence.chronicle.toggles[-1:] == (toggle,)
        return None if resumed and slot >= live.changed else toggle
    return toggle


def unheard_toggle(evidence: Evidence, since: datetime | None, now: datetime) -> Toggle | None:
    """A pause, or the end of one, that shows on the server, and that the keeper must be told.

    Args:
        evidence: What is known now.
        since: When somebody looked last and told what was new; None: nobody has.
        now: When the schedule was seen as it is.
    """
    live, chronicle = evidence.live, evidence.chronicle
    if live is None or live.paused == (chronicle.paused_at(now) is not None):
        return None
    declared = chronicle.declared_at(now)
    if declared is not None and now - declared.since < JUST_DECLARED:
        return None
    began = _began(evidence)
    at = now
    if live.paused:
        # If nothing tells, it has not begun before a slot that may still be on its way.
        at = began.at if began is not None else now - LATE
        at = max(at, since + timedelta.resolution) if since is not None else at
    elif live.changed is not None and since is not None and since < live.changed <= now:
        at = live.changed
    if chronicle.toggles:
        at = max(at, chronicle.toggles[-1].at + timedelta.resolution)
    return Toggle(at=at, paused=live.paused, note=live.note)


def _began(evidence: Evidence) -> Toggle | None:
    """The pause of which the keeper has not heard, if the server tells when it began.

    It does not if the schedule has started a slot since: then the change was another one.
    """
    live = evidence.live
    if live is None or not live.paused or live.changed is None:
        return None
    last = evidence.chronicle.toggles[-1:]
    heard = any(toggle.paused and not _is_over(evidence, toggle, None) for toggle in last)
    if heard or evidence.was_going(live.changed, None):
        return None
    return Toggle(at=live.changed, paused=True, note=live.note)


def _is_over(evidence: Evidence, pause: Toggle, slot: datetime | None) -> bool:
    """True if the schedule was going between a pause and `slot`, or ever since."""
    # Whoever paused it may not have the server's clock.
    return evidence.was_going(pause.at + LATE, slot)
