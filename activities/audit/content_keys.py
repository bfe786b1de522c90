"""The keys of runs' content in the object store: made once, destroyed on request.

Activity side. A key is a ref, so that it can be deleted where objects may be kept by others; on a
store that keeps old versions (S3 versioning), those must be removed, too.
"""

import secrets

from activities.stores.base import ObjectStore
from rota.audit.content_key import KEY_BYTES, ContentKey, Destruction, key_place
from rota.model import canonical_json


async def content_key(store: ObjectStore, run_key: str) -> ContentKey:
    """Return the key of a run's content, made now if there is none yet.

    Idempotent: whoever asks at the same time, or later, gets the same one.
    """
    fresh = ContentKey(key=secrets.token_bytes(KEY_BYTES).hex())
    kept = await store.set_ref(key_place(run_key), _encoded(fresh), if_absent=True)
    return ContentKey.model_validate_json(kept)


async def destroy_content_key(
    store: ObjectStore, run_key: str, destruction: Destruction
) -> ContentKey:
    """Destroy the key of a run's content for good; returns what stands in its place.

    Idempotent: who destroyed it first is who destroyed it.
    """
    gone = (await content_key(store, run_key)).without(destruction)
    await store.set_ref(key_place(run_key), _encoded(gone))
    return gone


def _encoded(key: ContentKey) -> bytes:
    return canonical_json(key.model_dump(mode="json"))
