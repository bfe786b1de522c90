"""A store in memory that dies, or refuses, at any of its operations."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from activities.stores.base import ObjectMissingError, StoredObject, StoreError
from rota.model import digest_of

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Killed(BaseException):
    """`kill -9` at a failpoint."""


@dataclass
class MemoryStore:
    """Objects with their age, and refs."""

    fault: Callable[[str], None] = lambda what: None
    """Called before and after each change, with what it is; raises to fail there."""
    now: datetime = NOW
    objects: dict[str, tuple[bytes, datetime]] = field(
        default_factory=dict[str, tuple[bytes, datetime]]
    )
    refs: dict[str, bytes] = field(default_factory=dict[str, bytes])
    address: str = "memory"

    async def put(self, data: bytes) -> str:
        """Keep an object."""
        self.fault("put")
        self.objects[digest_of(data)] = (data, self.now)
        self.fault("put")
        return digest_of(data)

    async def get(self, digest: str) -> bytes:
        """Read an object."""
        if digest not in self.objects:
            raise ObjectMissingError(f"no object {digest}")
        return self.objects[digest][0]

    async def set_ref(self, name: str, value: bytes, *, if_absent: bool = False) -> bytes:
        """Set a ref."""
        self.fault(f"set {name}")
        if if_absent:
            value = self.refs.setdefault(name, value)
        self.refs[name] = value
        self.fault(f"set {name}")
        return value

    async def get_ref(self, name: str) -> bytes | None:
        """Read a ref."""
        return self.refs.get(name)

    async def delete_ref(self, name: str) -> None:
        """Forget a ref."""
        self.fault(f"forget {name}")
        self.refs.pop(name, None)
        self.fault(f"forget {name}")

    async def list_refs(self, prefix: str) -> list[str]:
        """Names below `prefix`."""
        return sorted(name for name in self.refs if not prefix or name.startswith(f"{prefix}/"))

    async def list_objects(self, shard: str) -> list[StoredObject]:
        """Objects of a shard."""
        found = sorted(digest for digest in self.objects if digest.startswith(shard))
        return [
            StoredObject(each, len(self.objects[each][0]), self.objects[each][1]) for each in found
        ]

    async def delete(self, digest: str, written_before: datetime) -> bool:
        """Remove an object."""
        self.fault("delete")
        if digest in self.objects and self.objects[digest][1] >= written_before:
            return False
        self.objects.pop(digest, None)
        self.fault("delete")
        return True

    def aged(self, days: float) -> None:
        """Let time pass."""
        self.now += timedelta(days=days)


@dataclass
class AtOperation:
    """Fails at the n-th failpoint, once."""

    number: int
    error: type[BaseException] = Killed
    seen: int = 0

    def __call__(self, what: str) -> None:
        self.seen += 1
        if self.seen == self.number:
            raise self.error(what)


@dataclass
class Down:
    """Refuses every change until it is up."""

    up: bool = False

    def __call__(self, what: str) -> None:
        if not self.up:
            raise StoreError(f"down: {what}")
