"""Where objects and refs lie in a store, the same in a folder and in a bucket.

Pure. An object lies under its digest, `ab/cdef…`. A ref's name comes from the names of
agents and sessions, so from people: `..`, NUL, a percent sign or 500 characters of
Chinese must neither leave the store nor meet another name half-way. A ref's path has
lower-case letters, digits and `_ . - % ~ = /` alone:

- Every other byte of a part, a leading dot and every *capital* is written `%xx`; without
  capitals, `A` and `a` stay apart where file names ignore case (macOS, Windows).
- The last part ends in `=`, so the refs `a` and `a/b` are a file and a folder of
  different names.
- A part longer than file systems allow keeps its beginning and ends in `~` and a digest.
  Its name cannot be read back from the path, so each ref's file begins with its name.
"""

import re
from urllib.parse import unquote_to_bytes

from activities.stores.base import DamagedError, StoreError
from rota.model import digest_of

PART_LIMIT = 150
"""Bytes of an encoded part: below the 255 of common file systems, with room to spare."""

PATH_LIMIT = 800
"""Bytes of an encoded path: an S3 key has 1,024, and the store's own prefix comes first."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_SHORT_DIGEST = 32
_ENCODED = re.compile(rb"[^a-z0-9_.-]|^\.")


def object_path(digest: str) -> str:
    """Return the relative path of the object `digest`.

    Raises:
        DamagedError: it is no digest; it may come from a history, so from outside.
    """
    if not _DIGEST.fullmatch(digest):
        raise DamagedError(f"{_shown(digest)} is not a digest: 64 lower-case hex digits")
    return f"{digest[:2]}/{digest[2:]}"


def digest_of_path(path: str) -> str | None:
    """Return the digest whose `object_path` is `path`; None if that is no object's."""
    digest = path.replace("/", "", 1)
    return digest if _DIGEST.fullmatch(digest) else None


def ref_path(name: str) -> str:
    """Return the relative path of the ref `name`.

    Raises:
        StoreError: the name is empty, has an empty part, is not text, or is too long.
    """
    path = "/".join(_shortened(part) for part in _encoded_parts(name)) + "="
    if len(path) > PATH_LIMIT:
        raise StoreError(
            f"ref name {_shown(name)} is too long: {len(path)} bytes when encoded, at most "
            f"{PATH_LIMIT}; use fewer or shorter parts"
        )
    return path


def folder_path(prefix: str) -> str:
    """Return the relative path below which the refs of `prefix` lie ("" for all)."""
    return "/".join(_shortened(part) for part in _encoded_parts(prefix)) if prefix else ""


def pack(name: str, value: bytes) -> bytes:
    """Return what is stored for a ref: its name on one line, then the value as it is."""
    return "/".join(_encoded_parts(name)).encode() + b"\n" + value


def unpack(stored: bytes) -> tuple[str, bytes]:
    """Return the name and value of `pack`.

    Raises:
        DamagedError: the bytes are not a ref: cut short, or written by something else.
    """
    header, newline, value = stored.partition(b"\n")
    try:
        if not newline:
            raise ValueError("no name line")
        return _decoded(header), value
    except ValueError as error:
        raise DamagedError(f"not a ref: {error}; remove the damaged file") from error


def name_of_path(path: str) -> str | None:
    """Return the name behind a `ref_path`, or None if only the stored bytes can tell."""
    if "~" in path:
        return None
    return _decoded(path.removesuffix("=").encode())


def _encoded_parts(name: str) -> list[str]:
    try:
        parts = [part.encode() for part in name.split("/")]
    except UnicodeEncodeError as error:
        raise StoreError(f"ref name {_shown(name)} is not valid Unicode text") from error
    if not all(parts):
        raise StoreError(
            f"ref name {_shown(name)} has an empty part: write it like replies/ab12, "
            "without a slash at the start, at the end or doubled"
        )
    return [_ENCODED.sub(_percent, part).decode("ascii") for part in parts]


def _percent(match: re.Match[bytes]) -> bytes:
    return b"%%%02x" % match[0][0]


def _shortened(encoded: str) -> str:
    if len(encoded) <= PART_LIMIT:
        return encoded
    digest = digest_of(encoded.encode())[:_SHORT_DIGEST]
    return f"{encoded[: PART_LIMIT - 1 - _SHORT_DIGEST]}~{digest}"


def _decoded(encoded: bytes) -> str:
    return unquote_to_bytes(encoded).decode()


def _shown(name: str) -> str:
    return ascii(name if len(name) <= 60 else name[:60] + "...")
