"""Files of a folder that several processes share: written whole, read whole, no links.

I/O side, for `LocalStore`.

*Atomic.* Every file is written whole under `tmp/`, then renamed (or hard-linked, where
the first writer must win) into place: a reader sees all of it or nothing, and a process
killed in the middle leaves only a stray in `tmp/`, swept a day later.

*No links.* Symbolic links below the folder are refused: whoever can plant one could otherwise
lead writes elsewhere.
"""

import errno
import itertools
import os
import secrets
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from activities.stores.base import StoreClosedError, StoreError

T = TypeVar("T")

STRAY_AGE_SECONDS = 24 * 3600
"""Age from which a file in `tmp/` belongs to a dead process: no write takes a day."""

_ADVICE = {
    errno.ENOSPC: "free some space, or point ROTA_STORE elsewhere",
    errno.EDQUOT: "free some space, or point ROTA_STORE elsewhere",
    errno.EACCES: "give this user access to the folder, or point ROTA_STORE elsewhere",
    errno.EPERM: "give this user access to the folder, or point ROTA_STORE elsewhere",
    errno.EROFS: "mount it writable, or point ROTA_STORE elsewhere",
    errno.ELOOP: "symbolic links are refused inside a store: remove it",
}


class LocalFiles:
    """The files below one folder; all methods block.

    Args:
        root: The folder, resolved; it is created by the first write.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._strays = root / "tmp"
        # The token keeps containers apart that share a volume and count pids from 1.
        self._token = secrets.token_hex(4)
        self._counter = itertools.count()
        self._swept = False

    def aside(self) -> Path:
        """Return a path below `tmp/` that nobody else uses."""
        return self._strays / f"{os.getpid()}-{self._token}-{next(self._counter)}"

    def write(self, path: Path, data: bytes, *, replace: bool) -> bool:
        """Put `data` at `path` in one step. False if `replace` is off and it exists."""
        with self.errors("write", path):
            self.refuse_links(path.parent)
            temporary = self._write_temporary(data)
            renamed = False
            try:
                publish = os.replace if replace else os.link
                _with_parent(path, lambda: publish(temporary, path))
                renamed = replace
            except FileExistsError:
                return False
            finally:
                if not renamed:
                    temporary.unlink(missing_ok=True)
        return True

    def read(self, path: Path) -> bytes | None:
        """Return what is in a file; None if there is none."""
        with self.errors("read", path):
            self.refuse_links(path.parent)
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            except (FileNotFoundError, NotADirectoryError):
                return None
            with open(descriptor, "rb") as file:
                return file.read()

    def refuse_links(self, folder: Path) -> None:
        """Refuse a folder that is a symbolic link, or below one.

        Raises:
            OSError: `ELOOP`.
        """
        # Below the root alone, which is resolved: realpath would look at every folder above
        # it as well, twenty times a turn.
        path = str(self._root)
        for part in str(folder)[len(path) + 1 :].split(os.sep):
            path = f"{path}{os.sep}{part}"
            if os.path.islink(path):
                raise OSError(errno.ELOOP, "a symbolic link is in the way", path)

    @contextmanager
    def errors(self, verb: str, path: Path) -> Generator[None]:
        """Turn what the system refuses into errors of a store, with what to do.

        Raises:
            StoreClosedError: a person has to do something first.
            StoreError: trying again may do.
        """
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            advice = _ADVICE.get(error.errno or 0)
            kind = StoreClosedError if advice else StoreError
            raise kind(
                f"store {self._root}: cannot {verb} {path.relative_to(self._root)}: {reason}"
                + (f"; {advice}" if advice else "")
            ) from error

    def _write_temporary(self, data: bytes) -> Path:
        folder = self._strays
        self.refuse_links(folder)
        if not self._swept:
            self._swept = True
            _sweep(folder)
        path = self.aside()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        descriptor = _with_parent(path, lambda: os.open(path, flags, 0o666))
        try:
            with open(descriptor, "wb", buffering=0) as file:
                remaining = memoryview(data)
                while remaining:
                    remaining = remaining[file.write(remaining) :]
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path


def _with_parent(path: Path, act: Callable[[], T]) -> T:
    """Do `act`, making the folder of `path` first if that turns out to be missing."""
    try:
        return act()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return act()


def _sweep(folder: Path) -> None:
    oldest = time.time() - STRAY_AGE_SECONDS
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.stat(follow_symlinks=False).st_mtime < oldest:
                Path(entry.path).unlink(missing_ok=True)
