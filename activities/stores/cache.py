"""Recently used objects kept in memory, in front of any store.

I/O side, but does none itself. A conversation is a chain of objects that every turn reads
from the start, so without this a turn on S3 would cost one request per earlier turn. An
object's name is the digest of its bytes, so a kept copy is never stale. Refs do change
and are never kept.
"""

from collections import OrderedDict
from datetime import datetime

from activities.encryption.marks import BLOB_MARK
from activities.stores.base import KeyNeededError, ObjectStore, StoredObject

DEFAULT_LIMIT_BYTES = 64 * 1024 * 1024
"""Room for some hundred long conversations in a worker of 300 MB."""


class CachedStore:
    """An `ObjectStore` that remembers what was last read or written, up to a limit."""

    def __init__(self, store: ObjectStore, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        """Keep at most `limit_bytes` of objects from `store` in memory; 0 keeps none."""
        self._store = store
        self._limit = limit_bytes
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._kept_bytes = 0

    @property
    def address(self) -> str:
        """The address of the store behind."""
        return self._store.address

    def fresh(self) -> "CachedStore":
        """The same store without what is kept: for who must see what lies there now."""
        return CachedStore(self._store, limit_bytes=0)

    async def put(self, data: bytes) -> str:
        """Store `data` and return its digest.

        Goes through even for a kept object: retention may have removed it behind us.
        """
        digest = await self._store.put(data)
        self._keep(digest, data)
        return digest

    async def get(self, digest: str) -> bytes:
        """Return the bytes under `digest`, from memory if they are kept."""
        if (data := self._kept.get(digest)) is not None:
            self._kept.move_to_end(digest)
            return data
        data = await self._store.get(digest)
        self._keep(digest, data)
        return data

    async def set_ref(self, name: str, value: bytes, *, if_absent: bool = False) -> bytes:
        """Point `name` at `value` and return the value now in force."""
        return await self._store.set_ref(name, value, if_absent=if_absent)

    async def get_ref(self, name: str) -> bytes | None:
        """Return the value of `name`, or None.

        Raises:
            KeyNeededError: it is encrypted, and the store was opened without keys.
        """
        value = await self._store.get_ref(name)
        if value is not None and value.startswith(BLOB_MARK):
            raise KeyNeededError(
                f"store {self.address}: ref {name} is encrypted, and no keys are known here: name "
                "them in encryption.keys of fleet.yaml or ROTA_ENCRYPTION_KEYS"
            )
        return value

    async def delete_ref(self, name: str) -> None:
        """Forget `name`."""
        await self._store.delete_ref(name)

    async def list_refs(self, prefix: str) -> list[str]:
        """Names below `prefix`, sorted."""
        return await self._store.list_refs(prefix)

    async def list_objects(self, shard: str) -> list[StoredObject]:
        """List the objects of a shard."""
        return await self._store.list_objects(shard)

    async def delete(self, digest: str, written_before: datetime) -> bool:
        """Remove an object, from memory as well; other processes may still have it there."""
        gone = await self._store.delete(digest, written_before)
        if gone and (kept := self._kept.pop(digest, None)) is not None:
            self._kept_bytes -= len(kept)
        return gone

    def _keep(self, digest: str, data: bytes) -> None:
        # One object that fills the memory would push out everything else for one use.
        if digest in self._kept or len(data) > self._limit // 4:
            return
        self._kept[digest] = data
        self._kept_bytes += len(data)
        while self._kept_bytes > self._limit:
            _, oldest = self._kept.popitem(last=False)
            self._kept_bytes -= len(oldest)
