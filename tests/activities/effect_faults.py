"""Deaths and delays at every write of a store, for attempts at one effect."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from activities.stores.base import ObjectMissingError, StoredObject
from rota.model import digest_of

NIGHT = datetime(2026, 11, 22, 3, tzinfo=UTC)
LIMIT = timedelta(seconds=20)
"""How long an attempt may take."""


class Killed(BaseException):
    """`kill -9` of the worker at a failpoint."""


@dataclass
class Faults:
    """Decides at each failpoint what becomes of the attempt there."""

    chance: random.Random
    deaths: int
    """How many attempts may still die."""
    late: list[asyncio.Event] = field(default_factory=list[asyncio.Event])
    """Attempts that are taken for dead, and go on when told."""
    until: datetime | None = None
    """When the first of them is over: none goes on for longer than it may."""
    now: Callable[[], datetime] = lambda: NIGHT
    met: list[str] = field(default_factory=list[str])

    async def point(self, where: str, halted: Callable[[], None]) -> None:
        """Go on, die, or stand still for longer than anybody waits."""
        if self.deaths <= 0 or self.chance.random() > 0.2:
            return
        self.deaths -= 1
        self.met.append(where)
        if self.chance.random() < 0.3:
            gate = asyncio.Event()
            self.late.append(gate)
            self.until = self.until or self.now() + LIMIT
            halted()
            await gate.wait()
        else:
            raise Killed(where)


@dataclass
class MemoryStore:
    """A store in memory, each of whose writes of a ref is two failpoints."""

    faults: Faults
    halted: Callable[[], None] = lambda: None
    objects: dict[str, bytes] = field(default_factory=dict[str, bytes])
    refs: dict[str, bytes] = field(default_factory=dict[str, bytes])
    address: str = "memory"

    async def put(self, data: bytes) -> str:
        """Keep an object."""
        self.objects[digest_of(data)] = data
        return digest_of(data)

    async def get(self, digest: str) -> bytes:
        """Read an object."""
        if digest not in self.objects:
            raise ObjectMissingError(digest)
        return self.objects[digest]

    async def set_ref(self, name: str, value: bytes, *, if_absent: bool = False) -> bytes:
        """Set a ref, perhaps to die before or after."""
        halted = self.halted
        await self.faults.point(f"before {name.split('/')[0]}", halted)
        if if_absent:
            value = self.refs.setdefault(name, value)
        self.refs[name] = value
        await self.faults.point(f"after {name.split('/')[0]}", halted)
        return value

    async def get_ref(self, name: str) -> bytes | None:
        """Read a ref."""
        return self.refs.get(name)

    async def delete_ref(self, name: str) -> None:
        """Forget a ref."""
        self.refs.pop(name, None)

    async def list_refs(self, prefix: str) -> list[str]:
        """Names below `prefix`."""
        return sorted(name for name in self.refs if name.startswith(f"{prefix}/"))

    async def list_objects(self, shard: str) -> list[StoredObject]:
        """Objects of a shard, all of the same age."""
        found = {key: data for key, data in self.objects.items() if key.startswith(shard)}
        return [StoredObject(key, len(data), NIGHT) for key, data in sorted(found.items())]

    async def delete(self, digest: str, written_before: datetime) -> bool:
        """Remove an object."""
        self.objects.pop(digest, None)
        return True
