"""The key that the names of a store's encrypted objects come from: one for the store's whole life.

I/O side. It lies in the store itself, encrypted with every key of the ring that was ever in use:
so a new key leaves names as they are, and equal bytes are still stored once.
"""

import os

from pydantic import Field, ValidationError

from activities.encryption.keys import Keys
from activities.encryption.sealing import AlteredError, seal, unseal
from activities.stores.base import SHARDS, NamedObjects, ObjectStore, StoreError
from rota.model import Record, canonical_json
from rota.security.keyring import Key
from rota.security.sealed_names import NAME_KEY_BYTES

NAMES_REF = "encryption/names"
_PURPOSE = "names"


class _Kept(Record):
    sealed: dict[str, str] = Field(min_length=1)
    """The name key in hexadecimal, sealed, by id of the key it is sealed with; at least one."""


async def name_key(store: ObjectStore, objects: NamedObjects, keys: Keys) -> bytes:
    """Return the name key of `store`; it is made now if there is none yet.

    Args:
        store: The store beneath, which does not encrypt.
        objects: Its part for encrypted objects: where some lie, there was a name key.
        keys: The ring. The key in use is let in, if it was not.

    Raises:
        KeyNeededError: it is sealed with other keys alone.
        StoreError: what lies there is no name key, was altered, or is gone.
    """
    active = keys.active
    stored = await store.get_ref(NAMES_REF)
    if stored is None and await _any(objects):
        # Another process may just have made it, and put something.
        stored = await store.get_ref(NAMES_REF)
        if stored is None:
            raise StoreError(
                f"{_told(store)} is gone, and with it the way to every encrypted object: restore "
                "it from a backup"
            )
    if stored is None:
        fresh = _encoded({active.id: _sealed(active, os.urandom(NAME_KEY_BYTES))})
        stored = await store.set_ref(NAMES_REF, fresh, if_absent=True)
    try:
        kept = _Kept.model_validate_json(stored)
    except ValidationError:
        raise StoreError(f"{_told(store)} is damaged: restore it from a backup") from None
    found = _opened(store, keys, kept)
    if active.id not in kept.sealed:
        await store.set_ref(NAMES_REF, _encoded({**kept.sealed, active.id: _sealed(active, found)}))
    return found


async def _any(objects: NamedObjects) -> bool:
    for shard in SHARDS:
        if await objects.list_objects(shard):
            return True
    return False


def _opened(store: ObjectStore, keys: Keys, kept: _Kept) -> bytes:
    known = [key_id for key_id in kept.sealed if key_id in keys.ring.ids]
    # None of them known: the one that was let in first may have been added since.
    key = keys.find((known or list(kept.sealed))[0], _told(store))
    try:
        return unseal(key, _PURPOSE, bytes.fromhex(kept.sealed[key.id]))
    except (AlteredError, ValueError):
        raise StoreError(f"{_told(store)} is damaged: restore it from a backup") from None


def _sealed(key: Key, secret: bytes) -> str:
    return seal(key, _PURPOSE, secret).hex()


def _encoded(sealed: dict[str, str]) -> bytes:
    return canonical_json(_Kept(sealed=sealed).model_dump(mode="json"))


def _told(store: ObjectStore) -> str:
    return f"store {store.address}: ref {NAMES_REF}"
