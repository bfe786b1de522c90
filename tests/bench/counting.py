"""What is counted beside a run: requests to the object store, and the server's own counters."""

import re
import urllib.request
from collections import Counter
from datetime import datetime

from activities.stores.base import ObjectStore, StoredObject

SAMPLE = re.compile(r"^(\w+)\{(.*)\} ([\d.e+]+)$", re.M)
LABEL = re.compile(r'(\w+)="([^"]*)"')


class CountingStore:
    """An `ObjectStore` that counts what S3 would be asked: one request for each verb.

    A ref that is there already, and is created again, is a second request; so is each page of
    a list beyond the first. Neither occurs in an ordinary run.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self.requests: Counter[str] = Counter()
        """By verb: `put`, `get`, `list`, `delete`."""
        self.written = 0
        """Bytes put."""

    @property
    def address(self) -> str:
        return self._store.address

    async def put(self, data: bytes) -> str:
        self.requests["put"] += 1
        self.written += len(data)
        return await self._store.put(data)

    async def get(self, digest: str) -> bytes:
        self.requests["get"] += 1
        return await self._store.get(digest)

    async def set_ref(self, name: str, value: bytes, *, if_absent: bool = False) -> bytes:
        self.requests["put"] += 1
        self.written += len(value)
        return await self._store.set_ref(name, value, if_absent=if_absent)

    async def get_ref(self, name: str) -> bytes | None:
        self.requests["get"] += 1
        return await self._store.get_ref(name)

    async def delete_ref(self, name: str) -> None:
        self.requests["delete"] += 1
        await self._store.delete_ref(name)

    async def list_refs(self, prefix: str) -> list[str]:
        self.requests["list"] += 1
        return await self._store.list_refs(prefix)

    async def list_objects(self, shard: str) -> list[StoredObject]:
        self.requests["list"] += 1
        return await self._store.list_objects(shard)

    async def delete(self, digest: str, written_before: datetime) -> bool:
        self.requests["delete"] += 1
        return await self._store.delete(digest, written_before)


def read_metrics(url: str) -> str:
    """The server's metrics as text."""
    with urllib.request.urlopen(url) as answer:
        return answer.read().decode()


def summed(text: str, metric: str, label: str) -> Counter[str]:
    """The values of a counter, added up by one of its labels."""
    sums: Counter[str] = Counter()
    for name, labels, value in SAMPLE.findall(text):
        if name == metric:
            sums[dict(LABEL.findall(labels)).get(label, "")] += int(float(value))
    return sums
