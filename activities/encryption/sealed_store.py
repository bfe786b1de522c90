"""An object store whose objects and values of refs are encrypted before they reach it.

I/O side. To those who use it nothing changes: objects are found by the digest of their plain
bytes, equal bytes are stored once, under whichever key they were first put. In the store beneath,
objects lie apart from plain ones, below `sealed/`, under names that only the keys lead to. Names of
refs stay readable: ids of runs and agents are in them, as in Temporal.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

from activities.encryption.keys import Keys
from activities.encryption.name_key import NAMES_REF, name_key
from activities.encryption.sealed_blob import (
    MORE_BYTES,
    OBJECT,
    REF,
    Place,
    blob_key,
    opened_blob,
    plain_blob,
    sealed_blob,
)
from activities.stores.base import (
    SHARDS,
    NamedObjects,
    ObjectMissingError,
    ObjectStore,
    StoredObject,
)
from rota.model import digest_of
from rota.security.sealed_names import plain_digest, sealed_name


class SealedStore:
    """An `ObjectStore` that encrypts. Any number of processes with the same keys may share it."""

    def __init__(
        self, plain: ObjectStore, objects: NamedObjects, keys: Keys, *, strict: bool
    ) -> None:
        """Encrypt what goes into `plain`.

        Args:
            plain: The store beneath: refs, and objects from before there were keys.
            objects: Its part for encrypted objects.
            keys: The keys.
            strict: Refuse what is not encrypted.
        """
        self._plain = plain
        self._objects = objects
        self._keys = keys
        self._strict = strict
        self._naming = asyncio.Lock()
        self._name_key: bytes | None = None

    @property
    def address(self) -> str:
        """The address of the store beneath."""
        return self._plain.address

    async def put(self, data: bytes) -> str:
        """Store `data` encrypted, and return the digest of its plain bytes."""
        digest = digest_of(data)
        await self._put(digest, data, anew=False)
        return digest

    async def get(self, digest: str) -> bytes:
        """Return the plain bytes under `digest`, verified."""
        name = sealed_name(await self._names(), digest) if _is_digest(digest) else digest
        try:
            stored = await self._objects.get_as(name)
        except ObjectMissingError:
            data = await self._plain.get(digest)  # from before there were keys
            if self._strict:
                raise plain_blob(self._object(digest)) from None
            return data
        return opened_blob(self._keys, self._object(digest), stored, strict=True)

    async def set_ref(self, name: str, value: bytes, *, if_absent: bool = False) -> bytes:
        """Point `name` at `value` and return the value now in force."""
        place = Place(self.address, REF, name)
        mine = sealed_blob(self._keys.active, place, value)
        stored = await self._plain.set_ref(name, mine, if_absent=if_absent)
        return value if stored == mine else self._opened(place, stored)

    async def get_ref(self, name: str) -> bytes | None:
        """Return the value of `name`, or None."""
        stored = await self._plain.get_ref(name)
        return None if stored is None else self._opened(Place(self.address, REF, name), stored)

    async def delete_ref(self, name: str) -> None:
        """Forget `name`."""
        await self._plain.delete_ref(name)

    async def list_refs(self, prefix: str) -> list[str]:
        """Names below `prefix`, sorted."""
        return [name for name in await self._plain.list_refs(prefix) if name != NAMES_REF]

    async def list_objects(self, shard: str) -> list[StoredObject]:
        """List a part of the objects: all shards together are all objects."""
        key = await self._names()
        found = {each.digest: each for each in await self._plain.list_objects(shard)}
        for each in await self._objects.list_objects(shard):
            digest = plain_digest(key, each.digest)
            found[digest] = StoredObject(digest, each.size - MORE_BYTES, each.written)
        return sorted(found.values(), key=lambda each: each.digest)

    async def delete(self, digest: str, written_before: datetime) -> bool:
        """Remove an object, unless it was put since."""
        name = sealed_name(await self._names(), digest)
        gone = await self._objects.delete(name, written_before)
        return await self._plain.delete(digest, written_before) and gone

    async def keys_of_all(self) -> AsyncIterator[tuple[Place, str | None]]:
        """Yield each object and ref with the id of its key; None of what is plain.

        Raises:
            KeyNeededError: the key of the objects' names itself is not here.
        """
        key = await self._names()
        for shard in SHARDS:
            for plain in await self._plain.list_objects(shard):
                yield self._object(plain.digest), None
            for each in await self._objects.list_objects(shard):
                stored = await self._objects.get_as(each.digest)
                yield self._object(plain_digest(key, each.digest)), blob_key(stored)
        for name in await self.list_refs(""):
            stored = await self._plain.get_ref(name)
            if stored is not None:
                yield Place(self.address, REF, name), blob_key(stored)

    async def reseal(self, place: Place, before: datetime) -> None:
        """Encrypt one object or ref with the key in use, whatever it is encrypted with now.

        Args:
            place: As `keys_of_all` gave it.
            before: Now; what is put later keeps its plain copy.
        """
        if not place.is_object:
            stored = await self._plain.get_ref(place.name)
            if stored is not None:
                value = opened_blob(self._keys, place, stored, strict=False)
                mine = sealed_blob(self._keys.active, place, value)
                await self._plain.set_ref(place.name, mine)
            return
        try:
            stored = await self._objects.get_as(sealed_name(await self._names(), place.name))
            data = opened_blob(self._keys, place, stored, strict=True)
        except ObjectMissingError:
            data = await self._plain.get(place.name)
        await self._put(place.name, data, anew=True)
        await self._plain.delete(place.name, before)

    async def _put(self, digest: str, data: bytes, *, anew: bool) -> None:
        stored = sealed_blob(self._keys.active, self._object(digest), data)
        await self._objects.put_as(sealed_name(await self._names(), digest), stored, anew=anew)

    def _opened(self, place: Place, stored: bytes) -> bytes:
        return opened_blob(self._keys, place, stored, strict=self._strict)

    def _object(self, digest: str) -> Place:
        return Place(self.address, OBJECT, digest)

    async def _names(self) -> bytes:
        if self._name_key is None:
            async with self._naming:
                if self._name_key is None:
                    self._name_key = await name_key(self._plain, self._objects, self._keys)
        return self._name_key


def _is_digest(digest: str) -> bool:
    return len(digest) == 64 and set(digest) <= set("0123456789abcdef")
