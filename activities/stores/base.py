"""The seam between Rota and an object store: two kinds of thing, few verbs.

*Objects* are immutable bytes addressed by their SHA-256. *Refs* are small named pointers
(`replies/…`, `results/…`) that may be created once or replaced. Nothing else is asked of
a store, so a folder, S3 or anything S3-compatible can serve.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

SHARDS = tuple("0123456789abcdef")
"""What objects are listed by: the first digits of the names they lie under. All of them together
are all objects."""


class StoreError(Exception):
    """The store could not serve: unreachable, refused, or holding damaged bytes."""


class StoreClosedError(StoreError):
    """The store refuses, and will until somebody mends what the message names."""


class DamagedError(StoreError):
    """What is stored, or what points there, is not what was put: no later try will do."""


class KeyNeededError(StoreClosedError):
    """What is stored, or was sent, is encrypted, and its key is not here.

    Whoever waits for it may go on once the key is back: nothing is lost but time.
    """


class PlainBlobError(StoreClosedError):
    """What is stored is not encrypted, where all must be."""


class ObjectMissingError(StoreError):
    """Nothing is stored under that digest."""


def damaged_object(store: str, digest: str, place: object) -> DamagedError:
    """Return the error for an object at `place` whose bytes are not those of its digest."""
    return DamagedError(
        f"store {store}: object {digest} is damaged (its bytes have another digest); remove "
        f"{place} and store it again"
    )


@dataclass(frozen=True)
class StoredObject:
    """What a store knows of an object without reading it."""

    digest: str
    size: int
    written: datetime
    """When it was last put, also if it was there already."""


class NamedObjects(Protocol):
    """Part of a store where objects lie under names that are not their digests.

    Beneath encryption: a name has the form of a digest, and tells nothing of what it names.
    """

    async def put_as(self, name: str, data: bytes, *, anew: bool = False) -> None:
        """Store `data` under `name`.

        Where something of that length lies there already it may stay, unless `anew` is set.
        """
        ...

    async def get_as(self, name: str) -> bytes:
        """Return the bytes under `name`, as they are.

        Raises:
            ObjectMissingError: nothing is stored there.
        """
        ...

    async def list_objects(self, shard: str) -> list[StoredObject]:
        """As of `ObjectStore`, with names for digests."""
        ...

    async def delete(self, digest: str, written_before: datetime) -> bool:
        """As of `ObjectStore`, with a name for the digest."""
        ...


class ObjectStore(Protocol):
    """Content-addressed objects and named refs. All methods are safe to repeat."""

    @property
    def address(self) -> str:
        """Where this store is, for people: a folder or `s3://bucket/prefix`."""
        ...

    async def put(self, data: bytes) -> str:
        """Store `data` and return its digest. Idempotent: equal bytes, equal digest."""
        ...

    async def get(self, digest: str) -> bytes:
        """Return the bytes under `digest`, verified against it.

        Raises:
            ObjectMissingError: nothing is stored there.
            StoreError: the bytes do not match the digest, or the store is unreachable.
        """
        ...

    async def set_ref(self, name: str, value: bytes, *, if_absent: bool = False) -> bytes:
        """Point `name` at `value` and return the value now in force.

        With `if_absent`, an existing ref stays as it is and its value is returned, so of
        two concurrent writers both learn who won. `name` is a slash-separated path of
        printable characters; each part is encoded, so `..` and `%` are harmless.
        """
        ...

    async def get_ref(self, name: str) -> bytes | None:
        """Return the value of `name`, or None if there is no such ref."""
        ...

    async def delete_ref(self, name: str) -> None:
        """Forget `name`; no error if it was not there."""
        ...

    async def list_refs(self, prefix: str) -> list[str]:
        """Names below `prefix` (a whole path part, without trailing slash), sorted."""
        ...

    async def list_objects(self, shard: str) -> list[StoredObject]:
        """List the objects of one of the `SHARDS`."""
        ...

    async def delete(self, digest: str, written_before: datetime) -> bool:
        """Remove an object for good, unless it was put at or after `written_before`.

        Returns whether it is gone; True if it was not there. Whoever puts the same bytes at this
        moment finds them there afterwards.
        """
        ...
