"""Looks up checkpoints: that which a run is in, or all there are.

Activity side: reads. Whoever writes a checkpoint leaves a ref for each of its runs.
"""

from activities.stores.base import ObjectStore
from rota.audit.checkpoints import CHECKPOINTS, SignedCheckpoint, proof_place


async def checkpoint_of_run(store: ObjectStore, run_key: str) -> SignedCheckpoint | None:
    """Return the checkpoint that a run is in; None if it is not yet in one.

    Raises:
        StoreError: the store does not answer, or has lost the checkpoint.
    """
    digest = await store.get_ref(proof_place(run_key))
    if digest is None:
        return None
    return SignedCheckpoint.model_validate_json(await store.get(digest.decode()))


async def all_checkpoints(store: ObjectStore, agent: str | None = None) -> list[SignedCheckpoint]:
    """Return the checkpoints of an agent, or of all, in the order of their days.

    Raises:
        StoreError: the store does not answer, or has lost one.
    """
    top = CHECKPOINTS if agent is None else f"{CHECKPOINTS}/{agent}"
    found: list[SignedCheckpoint] = []
    for name in await store.list_refs(top):
        digest = await store.get_ref(name)
        if digest is not None:
            found.append(SignedCheckpoint.model_validate_json(await store.get(digest.decode())))
    return sorted(found, key=lambda each: (each.checkpoint.agent, each.checkpoint.day))
