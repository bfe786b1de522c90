"""From an address to a store: `/path`, `file:///path`, `s3://bucket/prefix`.

I/O side. An address is one line that fits in an environment variable and is the same for
worker, gateway and command line. Credentials are no part of it: they come from where
each kind of store looks for them (files' owner; AWS environment, profile or role).
"""

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from activities.stores.base import ObjectStore, StoreError
from activities.stores.cache import CachedStore
from activities.stores.local import LocalStore

if TYPE_CHECKING:
    from activities.encryption.encryption import Encryption
    from activities.encryption.sealed_store import SealedStore
    from activities.stores.s3 import S3Store

SEALED = "sealed"
"""Where encrypted objects lie, apart from plain ones."""
_FORMS = "use a folder, file:///folder or s3://bucket/prefix?endpoint=URL&region=NAME"


def open_store(address: str, encryption: "Encryption | None" = None) -> ObjectStore:
    """Return the store at `address`; with `encryption`, everything in it is encrypted.

    Does not reach out: a folder or bucket that is not there shows at first use. Recently
    used objects are kept in memory.

    Raises:
        StoreError: the address is empty, or cannot be understood.
    """
    if encryption is None:
        return CachedStore(_opened(address))
    return CachedStore(open_sealed(address, encryption))


def open_sealed(address: str, encryption: "Encryption") -> "SealedStore":
    """Return the encrypted store at `address` without a cache before it.

    Raises:
        StoreError: the address is empty, or cannot be understood.
    """
    # Here, not at the top: who has no keys needs no cipher.
    from activities.encryption.sealed_store import SealedStore  # noqa: PLC0415

    return SealedStore(
        _opened(address), _opened(address, SEALED), encryption.keys, strict=encryption.strict
    )


def _opened(address: str, objects: str = "objects") -> "LocalStore | S3Store":
    if not address:
        raise StoreError(f"the address of the store is empty: {_FORMS}")
    scheme, separator, _ = address.partition("://")
    if not separator:
        return _open_folder(address, address, objects)
    match scheme:
        case "file":
            return _open_file(address, objects)
        case "s3":
            return _open_s3(address, objects)
        case _:
            raise StoreError(f"unknown kind of store in {_safe(address)}: {_FORMS}")


def _open_file(address: str, objects: str) -> LocalStore:
    parts = urlsplit(address)
    if parts.netloc not in ("", "localhost") or not parts.path or parts.query or parts.fragment:
        raise StoreError(f"{_safe(address)} is not a folder on this machine: {_FORMS}")
    return _open_folder(unquote(parts.path), address, objects)


def _open_folder(path: str, address: str, objects: str) -> LocalStore:
    try:
        return LocalStore(Path(path), objects)
    except (OSError, RuntimeError, ValueError) as error:
        # A `~name` nobody has, a loop of links, a NUL.
        raise StoreError(f"cannot use {address!r} as a folder: {error}; {_FORMS}") from error


def _open_s3(address: str, objects: str) -> "S3Store":
    # Here, not at the top: importing boto3 takes longer than all of `rota --help` may.
    from activities.stores.s3 import S3Store  # noqa: PLC0415

    parts = urlsplit(address)
    if "@" in parts.netloc:
        raise StoreError(
            f"{_safe(address)} carries credentials: leave them to the AWS environment, "
            "profile or role"
        )
    if not parts.netloc or parts.fragment:
        raise StoreError(f"{_safe(address)} is no bucket: {_FORMS}")
    options = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    endpoint, region = options.pop("endpoint", None), options.pop("region", None)
    if options:
        raise StoreError(f"unknown option {min(options)!r} in {_safe(address)}: {_FORMS}")
    return S3Store(
        parts.netloc, unquote(parts.path), endpoint_url=endpoint, region=region, objects=objects
    )


def _safe(address: str) -> str:
    """Return the address for a message, without credentials a person put there."""
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
