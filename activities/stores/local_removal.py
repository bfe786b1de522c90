"""Files of a folder's objects: listed with their age, and removed beside writers.

I/O side, for `LocalStore`. Nothing here locks: a writer and whoever removes may be on two machines.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from activities.stores.base import StoredObject
from activities.stores.paths import digest_of_path


def listed(objects: Path, shard: str) -> list[StoredObject]:
    """List the objects of a shard, sorted by digest; none if there is no folder of objects."""
    found: list[StoredObject] = []
    with suppress(FileNotFoundError), os.scandir(objects) as folders:
        for folder in folders:
            if folder.name.startswith(shard) and folder.is_dir(follow_symlinks=False):
                found += _in_folder(folder)
    return sorted(found, key=lambda each: each.digest)


def _in_folder(folder: "os.DirEntry[str]") -> Iterator[StoredObject]:
    with suppress(FileNotFoundError), os.scandir(folder.path) as entries:
        for entry in entries:
            digest = digest_of_path(f"{folder.name}/{entry.name}")
            with suppress(FileNotFoundError):
                if digest is not None and entry.is_file(follow_symlinks=False):
                    told = entry.stat(follow_symlinks=False)
                    yield StoredObject(digest, told.st_size, _moment(told))


def removed(path: Path, aside: Path, written_before: datetime) -> bool:
    """Remove a file, unless it was written since; returns whether it is gone.

    It is taken aside first: whoever writes the same bytes has either touched it before, which
    shows, or does not find it any more, and writes it anew.
    """
    with suppress(FileNotFoundError):
        if _moment(path.lstat()) >= written_before:
            return False
        aside.parent.mkdir(parents=True, exist_ok=True)
        os.rename(path, aside)
        try:
            if _moment(aside.lstat()) >= written_before:
                with suppress(FileExistsError):
                    os.link(aside, path)
                return False
        finally:
            aside.unlink(missing_ok=True)
    return True


def _moment(told: os.stat_result) -> datetime:
    return datetime.fromtimestamp(told.st_mtime, UTC)
