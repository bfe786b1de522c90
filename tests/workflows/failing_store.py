"""A real store that fails where and as often as a test wants."""

from dataclasses import dataclass
from datetime import datetime

from activities.stores.base import ObjectStore, StoredObject, StoreError


@dataclass
class FailingStore:
    """Fails the calls of one verb about `where`, so many times, and serves all others.

    The failed calls reach the store behind all the same if `after` is set: the worst kind.
    """

    behind: ObjectStore
    verb: str
    where: bytes
    """Part of the object's bytes, or of the ref's name."""
    times: int
    after: bool = False
    failed: int = 0

    @property
    def address(self) -> str:
        """The address of the store behind."""
        return self.behind.address

    async def put(self, data: bytes) -> str:
        """Store, or fail."""
        self._fail("put", data, after=False)
        digest = await self.behind.put(data)
        self._fail("put", data, after=True)
        return digest

    async def get(self, digest: str) -> bytes:
        """Read."""
        return await self.behind.get(digest)

    async def set_ref(self, name: str, value: bytes, *, if_absent: bool = False) -> bytes:
        """Set, or fail."""
        self._fail("set_ref", name.encode(), after=False)
        current = await self.behind.set_ref(name, value, if_absent=if_absent)
        self._fail("set_ref", name.encode(), after=True)
        return current

    async def get_ref(self, name: str) -> bytes | None:
        """Read, or fail."""
        self._fail("get_ref", name.encode(), after=False)
        return await self.behind.get_ref(name)

    async def delete_ref(self, name: str) -> None:
        """Forget, or fail."""
        self._fail("delete_ref", name.encode(), after=False)
        await self.behind.delete_ref(name)

    async def list_refs(self, prefix: str) -> list[str]:
        """List."""
        return await self.behind.list_refs(prefix)

    async def list_objects(self, shard: str) -> list[StoredObject]:
        """List."""
        return await self.behind.list_objects(shard)

    async def delete(self, digest: str, written_before: datetime) -> bool:
        """Remove."""
        return await self.behind.delete(digest, written_before)

    def _fail(self, verb: str, where: bytes, *, after: bool) -> None:
        mine = verb == self.verb and self.where in where and after == self.after
        if mine and self.failed < self.times:
            self.failed += 1
            raise StoreError("the disk is full")
