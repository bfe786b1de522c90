"""Takes away runs whose retention is over: archive, key, and what their steps left.

Activity side. First it is put on record that a run went, so that nobody archives it anew; what says
that it is there goes last, so that all this is repeated if it is interrupted.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from activities.audit.archive_store import encoded
from activities.audit.holding import all_holds
from activities.audit.marking import is_own, owner_of
from activities.stores.base import ObjectStore
from rota.audit.archived import (
    ArchivedRun,
    Expired,
    LostRun,
    archive_place,
    expired_place,
    lost_place,
    pending_place,
    runs_place,
)
from rota.audit.checkpoints import proof_place
from rota.audit.content_key import key_place
from rota.audit.retention import holder_of

Kept = ArchivedRun | LostRun
BATCH = 20
"""Runs that go before it is looked again what is held: a second or so."""


async def expire(
    store: ObjectStore, over: Sequence[Kept], clock: Callable[[], datetime], *, dry_run: bool
) -> tuple[list[Kept], list[Kept]]:
    """Take away runs whose retention is over, unless a hold keeps them; returns both.

    A hold that is placed meanwhile keeps whatever has not gone yet.

    Raises:
        StoreError: the store does not answer; to be repeated.
    """
    expired: list[Kept] = []
    held: list[Kept] = []
    left = await _own_refs(store, {each.run.key for each in over}) if over else {}
    for first in range(0, len(over), BATCH):
        holds = await all_holds(store)
        for each in over[first : first + BATCH]:
            if holder_of(holds, each.run.key, each.agent, clock()) is not None:
                held.append(each)
                continue
            if not dry_run:
                await _take(store, each, left.get(each.run.key, []), clock())
            expired.append(each)
    return expired, held


async def _own_refs(store: ObjectStore, keys: set[str]) -> dict[str, list[str]]:
    """What steps of runs left, by their keys."""
    left: dict[str, list[str]] = {}
    for name in await store.list_refs(""):
        if is_own(name, keys):
            left.setdefault(owner_of(name), []).append(name)
    return left


async def _take(store: ObjectStore, run: Kept, own: Sequence[str], now: datetime) -> None:
    key = run.run.key
    gone = Expired(run=run.run, agent=run.agent, ended=run.ended, at=now)
    await store.set_ref(expired_place(key), encoded(gone), if_absent=True)
    for name in (
        *own,
        pending_place(run.agent, key),
        proof_place(key),
        key_place(key),
        f"{runs_place(run.run.id)}/{key}",
        lost_place(key),
        archive_place(key),
    ):
        await store.delete_ref(name)
