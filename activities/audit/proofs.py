"""Looks up the checkpoint that a run is in.

Activity side: reads. Whoever writes a checkpoint leaves a ref for each of its runs.
"""

from activities.stores.base import ObjectStore
from rota.audit.checkpoints import SignedCheckpoint, proof_place


async def checkpoint_of_run(store: ObjectStore, run_key: str) -> SignedCheckpoint | None:
    """Return the checkpoint that a run is in; None if it is not yet in one.

    Raises:
        StoreError: the store does not answer, or has lost the checkpoint.
    """
    digest = await store.get_ref(proof_place(run_key))
    if digest is None:
        return None
    return SignedCheckpoint.model_validate_json(await store.get(digest.decode()))
