"""A fleet in which nothing begins any more, though something was expected. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from rota.ids import format_slot
from rota.notify_spec import Occasion
from rota.watchdog.alerts import Finding

SLOTS = 3
"""Slots for which nothing began, of whatever agents, since anything has."""
PATIENCE = timedelta(minutes=5)
"""After the first of them."""
KEPT = 50


def unstarted_since(
    before: Iterable[datetime], came: Iterable[datetime], last_start: datetime | None
) -> tuple[datetime, ...]:
    """Slots for which nothing began since the last time anything did; the first ones."""
    slots = {each for each in (*before, *came) if last_start is None or each > last_start}
    return tuple(sorted(slots)[:KEPT])


def silent(fleet: str, unstarted: tuple[datetime, ...], now: datetime) -> Finding | None:
    """A fleet that has fallen silent; its agents' missed slots are told beside."""
    if len(unstarted) < SLOTS or now - unstarted[0] < PATIENCE:
        return None
    first = unstarted[0]
    return Finding(
        key=f"silent/{fleet}/{format_slot(first)}",
        kind=Occasion.SILENT,
        since=first,
        reason=f"nothing has begun in fleet {fleet} since {format_slot(first)}, though "
        f"{len(unstarted)} slots have come",
        todo="rota doctor",
    )
