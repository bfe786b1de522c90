"""The archive verifies itself on every kind of store: a changed byte is found, wherever it lies."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from activities.stores.base import ObjectStore
from activities.stores.cache import CachedStore
from tests.activities.archive.verifying_bench import Archive

VERIFIED = ("objects/", "sealed/", "audit/archive/", "audit/keys/", "audit/checkpoints/")
"""Where an archive lies; the rest leads to it, or tells how far it is."""


class Folder:
    """What a store in a folder holds, byte by byte."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self) -> Iterator[str]:
        """Of all it holds."""
        files = (path for path in self._root.rglob("*") if path.is_file())
        return (path.relative_to(self._root).as_posix() for path in files)

    def read(self, name: str) -> bytes:
        """One of them."""
        return (self._root / name).read_bytes()

    def write(self, name: str, data: bytes) -> None:
        """As somebody does who has the disk."""
        (self._root / name).write_bytes(data)


class Bucket:
    """What a bucket holds, likewise."""

    def __init__(self, name: str, endpoint: str) -> None:
        self._name = name
        self._client = boto3.client("s3", endpoint_url=endpoint)

    def names(self) -> Iterator[str]:
        """Of all it holds."""
        return (each["Key"] for each in self._client.list_objects_v2(Bucket=self._name)["Contents"])

    def read(self, name: str) -> bytes:
        """One of them."""
        return self._client.get_object(Bucket=self._name, Key=name)["Body"].read()

    def write(self, name: str, data: bytes) -> None:
        """As somebody does who has the bucket."""
        self._client.put_object(Bucket=self._name, Key=name, Body=data)

    def close(self) -> None:
        """Give its connections back."""
        self._client.close()


@pytest.fixture
def beneath(request: pytest.FixtureRequest, store: ObjectStore, tmp_path: Path) -> Iterator[object]:
    """What lies beneath the store of the test."""
    if "s3" not in request.node.name.partition("[")[2]:
        yield Folder(tmp_path / "store")
        return
    made = Bucket(request.getfixturevalue("bucket"), request.getfixturevalue("s3_endpoint"))
    yield made
    made.close()


async def test_changed_byte_is_found_wherever_it_lies(
    store: ObjectStore, beneath: Folder | Bucket
) -> None:
    """In every object and ref of two archived runs and their checkpoint; mended, all is well."""
    place = Archive(store.fresh() if isinstance(store, CachedStore) else store)
    await place.grow(1)
    assert await place.broken() == []
    names = sorted(name for name in beneath.names() if any(top in name for top in VERIFIED))
    assert len(names) >= 12
    # Of a bucket one of each kind: its requests take their time.
    few = isinstance(beneath, Bucket)
    for name in names[:: 4 if few else 1]:
        data = beneath.read(name)
        beneath.write(name, data[:-1] + bytes([data[-1] ^ 1]))
        assert await place.broken(), name
        beneath.write(name, data)
        assert await place.broken() == [], name
