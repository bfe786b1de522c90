"""A fleet in which nothing begins any more, though something was expected. Pure."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from rota.ids import format_slot
from rota.notices.spec import Occasion
from rota.watchdog.alerts import Finding

SLOTS = 3
"""Slots for which nothing began, of whatever agents, since anything has."""
PATIENCE = timedelta(minutes=5)
"""After the first of them."""
KEPT = 50


class Unstarted(NamedTuple):
    """A slot for which nothing began, though nothing was in the way; by its agent, too.

    Agents may share a time, and a slot may be judged by several checks.
    """

    slot: datetime
    agent: str


def unstarted_since(
    before: Iterable[Unstarted],
    came: Iterable[Unstarted],
    last_start: datetime | None,
    resting: Collection[str] = (),
) -> tuple[Unstarted, ...]:
    """Slots for which nothing began since the last time anything did; the first ones.

    Args:
        before: Known from the check before.
        came: Found by this one.
        last_start: When any run of the fleet began last.
        resting: Agents of which nothing is expected any more.
    """
    slots = {
        each
        for each in (*before, *came)
        if (last_start is None or each.slot > last_start) and each.agent not in resting
    }
    return tuple(sorted(slots)[:KEPT])


def silent(fleet: str, unstarted: tuple[Unstarted, ...], now: datetime) -> Finding | None:
    """A fleet that has fallen silent; its agents' missed slots are told beside."""
    if len(unstarted) < SLOTS or now - unstarted[0].slot < PATIENCE:
        return None
    first = unstarted[0].slot
    many = f"{KEPT} slots or more" if len(unstarted) == KEPT else f"{len(unstarted)} slots"
    return Finding(
        # Without its time: an earlier slot may be heard of later, and it is the same silence.
        key=f"silent/{fleet}",
        kind=Occasion.SILENT,
        since=first,
        reason=f"nothing has begun in fleet {fleet} since {format_slot(first)}, though "
        f"{many} have come",
        todo="rota doctor",
    )
