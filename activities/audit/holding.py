"""Legal holds in the object store: who had what kept, since when and why.

Activity side. A hold is never deleted: that it was released, and by whom, is part of it.
"""

from datetime import datetime

from activities.stores.base import ObjectStore
from rota.audit.retention import HOLDS, Hold, Release, hold_place
from rota.model import canonical_json, content_digest

ID_LENGTH = 10


class HoldUnknownError(Exception):
    """There is no hold with that id."""


async def place_hold(
    store: ObjectStore,
    *,
    by: str,
    reason: str,
    at: datetime,
    until: datetime | None = None,
    run: str = "",
    run_id: str = "",
    agent: str = "",
) -> Hold:
    """Keep a run, by its key, or all runs of an agent, until the hold is released or over."""
    name = content_digest([run, agent, by, reason, at.isoformat()])[:ID_LENGTH]
    hold = Hold(
        id=name, run=run, run_id=run_id, agent=agent, by=by, reason=reason, at=at, until=until
    )
    await store.set_ref(hold_place(name), _encoded(hold))
    return hold


async def release_hold(store: ObjectStore, hold_id: str, release: Release) -> Hold:
    """Take a hold back. The first release stands.

    Raises:
        HoldUnknownError: there is none with that id.
    """
    value = await store.get_ref(hold_place(hold_id)) if hold_id else None
    if value is None:
        raise HoldUnknownError(f"no hold '{hold_id}'")
    hold = Hold.model_validate_json(value)
    if hold.released is None:
        hold = hold.model_copy(update={"released": release})
        await store.set_ref(hold_place(hold_id), _encoded(hold))
    return hold


async def all_holds(store: ObjectStore) -> list[Hold]:
    """Return all holds that were ever placed, oldest first."""
    values = [await store.get_ref(name) for name in await store.list_refs(HOLDS)]
    holds = [Hold.model_validate_json(value) for value in values if value is not None]
    return sorted(holds, key=lambda hold: hold.at)


def _encoded(hold: Hold) -> bytes:
    return canonical_json(hold.model_dump(mode="json"))
