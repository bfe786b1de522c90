"""Daily checkpoints: made once, over the runs that are archived and in none yet.

Activity side. Safe to repeat and to interrupt: a checkpoint is made by its ref, which is set once;
the refs of its runs' proofs, and those of runs that wait, follow from it.
"""

from collections.abc import Collection
from datetime import date, datetime

from activities.audit.archive_store import encoded, get_archive
from activities.stores.base import ObjectStore
from rota.audit.archived import PENDING, PendingHead, pending_place
from rota.audit.checkpoints import (
    RunHead,
    SignedCheckpoint,
    checkpoint_of,
    checkpoint_place,
    proof_place,
    signed,
)
from rota.audit.due_checkpoints import due_checkpoints
from rota.audit.hashing import erasure_key
from rota.audit.seals import Signer


async def make_checkpoints(
    store: ObjectStore,
    signer: Signer | None,
    before: date,
    now: datetime,
    agents: Collection[str],
) -> int:
    """Make the checkpoints that are due; returns how many were made.

    Args:
        store: Where archives lie.
        signer: Signs them; None: nobody does, but for an agent whose newest one is signed none
            is made.
        before: Days from then on wait.
        now: For the checkpoints' own time.
        agents: Whose.

    Raises:
        StoreError: the store does not answer; to be repeated.
    """
    waiting: dict[str, list[str]] = {}
    for name in await store.list_refs(PENDING):
        agent, _, key = name.removeprefix(f"{PENDING}/").rpartition("/")
        if agent in agents:
            waiting.setdefault(agent, []).append(key)
    made = 0
    for agent, keys in waiting.items():
        made += await _Agent(store, agent, signer, now).make(keys, before)
    return made


async def newest_checkpoint(store: ObjectStore, agent: str) -> SignedCheckpoint | None:
    """Return the newest checkpoint of an agent; None if there is none."""
    top = f"audit/checkpoints/{agent}"
    days = [name.removeprefix(f"{top}/") for name in await store.list_refs(top)]
    if not days:
        return None
    return await _read(store, checkpoint_place(agent, date.fromisoformat(max(days))))


async def _read(store: ObjectStore, place: str) -> SignedCheckpoint | None:
    digest = await store.get_ref(place)
    if digest is None:
        return None
    return SignedCheckpoint.model_validate_json(await store.get(digest.decode()))


class _Agent:
    """The checkpoints of one agent."""

    def __init__(
        self, store: ObjectStore, agent: str, signer: Signer | None, now: datetime
    ) -> None:
        self._store = store
        self._agent = agent
        self._signer = signer
        self._now = now

    async def make(self, keys: list[str], before: date) -> int:
        newest = await newest_checkpoint(self._store, self._agent)
        if newest is not None:
            # Whoever made it may have died before all of its runs knew.
            await self._prove(newest, set(keys))
            if self._signer is None and newest.key:
                return 0
        heads = [head for key in keys if (head := await self._waiting(key)) is not None]
        day = newest.checkpoint.day if newest else None
        made = 0
        for due, runs in due_checkpoints(heads, day, before):
            newest = await self._make(due, runs, newest)
            await self._prove(newest, {head.run.key for head in runs})
            made += 1
        return made

    async def _waiting(self, key: str) -> PendingHead | None:
        """What waits, as it was archived; None if it does not wait any more, or not yet."""
        if await self._store.get_ref(proof_place(key)) is not None:
            await self._store.delete_ref(pending_place(self._agent, key))
            return None
        archived = await get_archive(self._store, key)
        if archived is None:
            return await self._erasure(key)
        return PendingHead(run=archived.run, head=archived.head, ended=archived.ended)

    async def _erasure(self, key: str) -> PendingHead | None:
        """That a run was erased; None if the key is that of a run, which is not archived yet."""
        if not key.startswith(erasure_key("")):
            return None
        value = await self._store.get_ref(pending_place(self._agent, key))
        return None if value is None else PendingHead.model_validate_json(value)

    async def _make(
        self, day: date, heads: list[PendingHead], previous: SignedCheckpoint | None
    ) -> SignedCheckpoint:
        runs = [RunHead(run=each.run.key, head=each.head) for each in heads]
        before = previous.checkpoint if previous else None
        made = signed(checkpoint_of(self._agent, day, runs, before, self._now), runs, self._signer)
        digest = await self._store.put(encoded(made))
        place = checkpoint_place(self._agent, day)
        first = await self._store.set_ref(place, digest.encode(), if_absent=True)
        return SignedCheckpoint.model_validate_json(await self._store.get(first.decode()))

    async def _prove(self, checkpoint: SignedCheckpoint, waiting: set[str]) -> None:
        place = checkpoint_place(self._agent, checkpoint.checkpoint.day)
        digest = await self._store.get_ref(place)
        for each in checkpoint.runs:
            if each.run in waiting and digest is not None:
                await self._store.set_ref(proof_place(each.run), digest, if_absent=True)
                await self._store.delete_ref(pending_place(self._agent, each.run))
