"""From an address to a store: `/path`, `file:///path`, `s3://bucket/prefix`.

I/O side. An address is one line that fits in an environment variable and is the same for
worker, gateway and command line. Credentials are no part of it: they come from where
each kind of store looks for them (files' owner; AWS environment, profile or role).
"""

from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from activities.stores.base import ObjectStore, StoreError
from activities.stores.cache import CachedStore
from activities.stores.local import LocalStore

_FORMS = "use a folder, file:///folder or s3://bucket/prefix?endpoint=URL&region=NAME"


def open_store(address: str) -> ObjectStore:
    """Return the store at `address`.

    Does not reach out: a folder or bucket that is not there shows at first use. Recently
    used objects are kept in memory.

    Raises:
        StoreError: the address is empty, or cannot be understood.
    """
    if not address:
        raise StoreError(f"the address of the store is empty: {_FORMS}")
    scheme, separator, _ = address.partition("://")
    if not separator:
        return CachedStore(_open_folder(address, address))
    match scheme:
        case "file":
            return CachedStore(_open_file(address))
        case "s3":
            return CachedStore(_open_s3(address))
        case _:
            raise StoreError(f"unknown kind of store in {_safe(address)}: {_FORMS}")


def _open_file(address: str) -> ObjectStore:
    parts = urlsplit(address)
    if parts.netloc not in ("", "localhost") or not parts.path or parts.query or parts.fragment:
        raise StoreError(f"{_safe(address)} is not a folder on this machine: {_FORMS}")
    return _open_folder(unquote(parts.path), address)


def _open_folder(path: str, address: str) -> ObjectStore:
    try:
        return LocalStore(Path(path))
    except (OSError, RuntimeError, ValueError) as error:
        # A `~name` nobody has, a loop of links, a NUL.
        raise StoreError(f"cannot use {address!r} as a folder: {error}; {_FORMS}") from error


def _open_s3(address: str) -> ObjectStore:
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
    return S3Store(parts.netloc, unquote(parts.path), endpoint_url=endpoint, region=region)


def _safe(address: str) -> str:
    """Return the address for a message, without credentials a person put there."""
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
