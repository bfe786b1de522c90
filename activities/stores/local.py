"""An object store in a folder: the default, and what `rota dev` uses.

I/O side. Files only, so a person can look: `objects/ab/cdef…`, `refs/…`, and `tmp/` for
writes in progress.

*Atomic.* Every file is written whole; see `local_files`.

*No fsync.* What was written survives the death of any process, not a power cut in the
next seconds. An fsync costs milliseconds per turn, and what a power cut can take is
found out: reads verify digests, and `put` writes again over an object of the wrong size.
Who needs more uses S3.

*On the event loop.* Measured on two cores: up to 64 KiB a write takes 65 to 300 µs and a
read 30 to 70 µs, and a thread adds 40 to 80 µs to either; 1 MiB takes 0.6 to 4 ms, which
would hold up heartbeats. So small ones run on the loop, larger ones in a thread.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import ParamSpec, TypeVar

from activities.stores.base import ObjectMissingError, StoredObject, damaged_object
from activities.stores.local_files import LocalFiles
from activities.stores.local_removal import listed, removed
from activities.stores.paths import (
    folder_path,
    name_of_path,
    object_path,
    pack,
    ref_path,
    unpack,
)
from rota.model import digest_of

P = ParamSpec("P")
T = TypeVar("T")

IN_LOOP_LIMIT = 64 * 1024
"""Bytes up to which file work runs on the event loop itself."""


class LocalStore:
    """An `ObjectStore` in one folder. Any number of processes may share it."""

    def __init__(self, root: Path, objects: str = "objects") -> None:
        """Use the folder `root`, and `objects` of it; they are created by the first write."""
        self._root = root.expanduser().resolve()
        self._objects = self._root / objects
        self._files = LocalFiles(self._root)

    @property
    def address(self) -> str:
        """The folder."""
        return str(self._root)

    async def put(self, data: bytes) -> str:
        """Store `data` and return its digest."""
        digest = digest_of(data)
        await self.put_as(digest, data)
        return digest

    async def get(self, digest: str) -> bytes:
        """Return the bytes under `digest`, verified."""
        return await self._sized(digest, self._get)

    async def put_as(self, name: str, data: bytes, *, anew: bool = False) -> None:
        """Store `data` under `name`; see `NamedObjects`."""
        await _run(len(data), self._put, name, data, anew)

    async def get_as(self, name: str) -> bytes:
        """Return the bytes under `name`, as they are."""
        return await self._sized(name, self._get_as)

    async def set_ref(self, name: str, value: bytes, *, if_absent: bool = False) -> bytes:
        """Point `name` at `value` and return the value now in force."""
        path, stored = self._ref_path(name), pack(name, value)
        while True:
            if await _run(len(stored), self._files.write, path, stored, replace=not if_absent):
                return value
            # None: deleted between our link and our look, so it is ours to make again.
            if (winner := await self.get_ref(name)) is not None:
                return winner

    async def get_ref(self, name: str) -> bytes | None:
        """Return the value of `name`, or None."""
        stored = self._files.read(self._ref_path(name))
        return None if stored is None else unpack(stored)[1]

    async def delete_ref(self, name: str) -> None:
        """Forget `name`."""
        path = self._ref_path(name)
        with self._files.errors("remove", path):
            self._files.refuse_links(path.parent)
            path.unlink(missing_ok=True)

    async def list_refs(self, prefix: str) -> list[str]:
        """Names below `prefix`, sorted."""
        return await asyncio.to_thread(self._list, prefix)

    async def list_objects(self, shard: str) -> list[StoredObject]:
        """List the objects of a shard."""
        with self._files.errors("list", self._objects):
            self._files.refuse_links(self._objects)
            return await asyncio.to_thread(listed, self._objects, shard)

    async def delete(self, digest: str, written_before: datetime) -> bool:
        """Remove an object, unless it was put since."""
        path = self._object_path(digest)
        with self._files.errors("remove", path):
            self._files.refuse_links(path.parent)
            return removed(path, self._files.aside(), written_before)

    async def _sized(self, name: str, read: Callable[[str, Path], bytes]) -> bytes:
        path = self._object_path(name)
        size = 0
        with self._files.errors("read", path), suppress(FileNotFoundError):
            size = path.lstat().st_size
        return await _run(size, read, name, path)

    def _put(self, name: str, data: bytes, anew: bool) -> None:
        path = self._object_path(name)
        with self._files.errors("write", path):
            self._files.refuse_links(path.parent)
            # Another user's file, which only its owner may touch, is written anew.
            with suppress(FileNotFoundError, PermissionError):
                if not anew and path.lstat().st_size == len(data):
                    # As if it were new: what nobody refers to yet is kept for its youth.
                    os.utime(path)
                    return
        self._files.write(path, data, replace=True)

    def _get_as(self, name: str, path: Path) -> bytes:
        data = self._files.read(path)
        if data is None:
            raise ObjectMissingError(f"store {self._root}: no object {name}")
        return data

    def _get(self, digest: str, path: Path) -> bytes:
        data = self._get_as(digest, path)
        if digest_of(data) != digest:
            raise damaged_object(self.address, digest, path)
        return data

    def _list(self, prefix: str) -> list[str]:
        refs = self._root / "refs"
        names: list[str] = []
        with self._files.errors("list", refs):
            top = refs / folder_path(prefix)
            self._files.refuse_links(top)
            for folder, _, files in os.walk(top, onerror=_raise_unless_missing):
                for file in files:
                    path = Path(folder, file)
                    name = name_of_path(path.relative_to(refs).as_posix())
                    if name is None:
                        stored = self._files.read(path)
                        name = None if stored is None else unpack(stored)[0]
                    if name is not None:
                        names.append(name)
        return sorted(names)

    def _object_path(self, digest: str) -> Path:
        return self._objects / object_path(digest)

    def _ref_path(self, name: str) -> Path:
        return self._root / "refs" / ref_path(name)


async def _run(size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do `work` on the event loop if `size` bytes are few, else in a thread."""
    if size <= IN_LOOP_LIMIT:
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error
