"""A file of keys: made, and given a new key in front, so that it is never half-written.

A new one is readable by its owner alone. It is replaced as a whole: a worker that reads it
meanwhile has either the old keys or the new ones.
"""

import contextlib
import fcntl
import os
import secrets
import stat
from collections.abc import Generator
from datetime import datetime
from pathlib import Path

from rota.ids import format_slot
from rota.security.keyring import KEY_BYTES, Key, KeyTextError, in_front, keys_in

_OWNER_ONLY = 0o600


class KeyFileError(Exception):
    """The file cannot be made, or is not one of keys; the message names it."""


def fresh_key() -> Key:
    """Return a key that nobody has."""
    return Key(secrets.token_bytes(KEY_BYTES))


def begin_file(path: Path, now: datetime) -> Key:
    """Write a new file with a fresh key; returns the key.

    Raises:
        KeyFileError: there is such a file already, which may hold the only copy of a key.
    """
    key = fresh_key()
    try:
        _write(path, in_front(key, "", _remark(now)), os.O_EXCL)
    except FileExistsError:
        raise KeyFileError(
            f"{path} exists already: 'rota keys rotate {path}' puts a new key in front of its keys"
        ) from None
    _settle(path.parent)
    return key


def rotate_file(path: Path, now: datetime) -> tuple[Key, list[Key]]:
    """Put a fresh key in use; returns it and the keys that were there before.

    A link stays one: the file that it leads to is replaced, and keeps its owner and its mode. Of
    two that rotate at once one waits for the other, or a key already in use would be lost.

    Raises:
        KeyFileError: the file is not there, holds something else, or could not be given back to
            its owner.
    """
    with _alone_in(path.resolve().parent):
        return _rotated(path.resolve(), now)


def _rotated(path: Path, now: datetime) -> tuple[Key, list[Key]]:
    try:
        was = path.stat()
        before = path.read_text()
        known = keys_in(before)
    except FileNotFoundError:
        raise KeyFileError(f"no file {path}: 'rota keys new {path}' begins one") from None
    except (KeyTextError, UnicodeDecodeError) as error:
        reason = error if isinstance(error, KeyTextError) else "it is not text"
        raise KeyFileError(f"{path}: {reason}") from None
    key = fresh_key()
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        _write(new, in_front(key, before, _remark(now)), os.O_EXCL)
        _hand_over(new, was)
        os.replace(new, path)
        _settle(path.parent)
    finally:
        new.unlink(missing_ok=True)
    return key, known


def _hand_over(new: Path, was: os.stat_result) -> None:
    """Give a file owner and mode of the one that it replaces: whoever read that reads this."""
    is_now = new.stat()
    if (is_now.st_uid, is_now.st_gid) != (was.st_uid, was.st_gid):
        try:
            os.chown(new, was.st_uid, was.st_gid)
        except PermissionError:
            raise KeyFileError(
                f"the file of keys belongs to user {was.st_uid} and group {was.st_gid}, who could "
                "not read a new one: rotate as that user, or as root"
            ) from None
    new.chmod(stat.S_IMODE(was.st_mode))


@contextlib.contextmanager
def _alone_in(folder: Path) -> Generator[None]:
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        raise KeyFileError(f"no folder {folder}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _settle(folder: Path) -> None:
    """See that a name in a folder survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remark(now: datetime) -> str:
    return f"made {format_slot(now)}"


def _write(path: Path, text: str, flags: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | flags, _OWNER_ONLY)
    with open(descriptor, "w") as file:
        file.write(text)
        file.flush()
        # The only copy of what everything is encrypted with: it must survive a power cut.
        os.fsync(file.fileno())
