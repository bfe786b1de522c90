"""An object store in S3 or anything that speaks its protocol (MinIO, R2, Ceph).

I/O side. Keys are `<prefix>/objects/ab/cdef…` and `<prefix>/refs/…`, the same paths as in
a folder, so a store can be copied from one to the other with any tool.

Creating a ref once rests on conditional writes (`If-None-Match: *`), which S3 has had
since August 2024. A look-alike that *ignores* the header would let the last writer win.

*Source:* S3 API reference, PutObject and "How to prevent object overwrites with
conditional writes"; boto3 1.44.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar, cast

from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
    BotoCoreError,
    ClientError,
)

from activities.stores.base import (
    ObjectMissingError,
    StoreClosedError,
    StoredObject,
    StoreError,
    damaged_object,
)
from activities.stores.paths import (
    digest_of_path,
    folder_path,
    name_of_path,
    object_path,
    pack,
    ref_path,
    unpack,
)
from activities.stores.s3_client import THREADS, S3Client, new_client, one_line
from rota.model import digest_of

T = TypeVar("T")

PREFIX_LIMIT = 150
"""Bytes of the prefix: with the longest ref path it must stay below S3's 1,024 per key."""

CONFLICT_ATTEMPTS = 20
"""Tries when another writer is creating the same ref at this moment (409)."""

_ADVICE = {
    "NoSuchBucket": "create the bucket, or mend ROTA_STORE",
    "AccessDenied": "allow s3:GetObject, PutObject, DeleteObject and ListBucket on it",
    "403": "allow s3:GetObject, PutObject, DeleteObject and ListBucket on it",
    "InvalidAccessKeyId": "check the AWS credentials",
    "SignatureDoesNotMatch": "check the AWS credentials and the region",
    "NotImplemented": "this server lacks conditional writes (If-None-Match), which Rota needs",
}


class S3Store:
    """An `ObjectStore` below `prefix` in one bucket."""

    def __init__(
        self,
        bucket: str,
        prefix: str = "",
        *,
        endpoint_url: str | None = None,
        region: str | None = None,
        client: S3Client | None = None,
        objects: str = "objects",
    ) -> None:
        """Use `bucket`, which must exist. Credentials come from boto3's usual places.

        Objects lie below `objects` of it.

        Raises:
            StoreError: the prefix is too long, or boto3 refuses the settings.
        """
        prefix = prefix.strip("/")
        if len(prefix.encode()) > PREFIX_LIMIT:
            raise StoreError(f"S3 prefix is longer than {PREFIX_LIMIT} bytes: {prefix!r}")
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._objects = f"{self._prefix}{objects}/"
        self._client = client or new_client(endpoint_url, region)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="rota-s3")

    @property
    def address(self) -> str:
        """The address, as `s3://bucket/prefix`."""
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    async def put(self, data: bytes) -> str:
        """Store `data` and return its digest."""
        digest = digest_of(data)
        await self.put_as(digest, data)
        return digest

    async def get(self, digest: str) -> bytes:
        """Return the bytes under `digest`, verified."""
        data = await self.get_as(digest)
        if digest_of(data) != digest:
            raise damaged_object(self.address, digest, self._object_key(digest))
        return data

    async def put_as(self, name: str, data: bytes, *, anew: bool = False) -> None:
        """Store `data` under `name`; see `NamedObjects`."""
        key = self._object_key(name)
        # Unconditional: writing the same bytes again is harmless, and heals damaged ones.
        await self._call("write", key, lambda: self._put(key, data))

    async def get_as(self, name: str) -> bytes:
        """Return the bytes under `name`, as they are."""
        key = self._object_key(name)
        data = await self._call("read", key, lambda: self._get(key))
        if data is None:
            raise ObjectMissingError(f"store {self.address}: no object {name}")
        return data

    async def set_ref(self, name: str, value: bytes, *, if_absent: bool = False) -> bytes:
        """Point `name` at `value` and return the value now in force."""
        key, stored = self._ref_key(name), pack(name, value)
        if not if_absent:
            await self._call("write", key, lambda: self._put(key, stored))
            return value
        for attempt in range(CONFLICT_ATTEMPTS):
            if await self._call("write", key, lambda: self._create(key, stored)):
                return value
            if (winner := await self.get_ref(name)) is not None:
                return winner
            # Another writer is at it, or the ref was deleted just now: look again.
            await asyncio.sleep(0.01 * (attempt + 1))
        raise StoreError(
            f"store {self.address}: cannot create {key}: still being written by others after "
            f"{CONFLICT_ATTEMPTS} attempts; try again"
        )

    async def get_ref(self, name: str) -> bytes | None:
        """Return the value of `name`, or None."""
        key = self._ref_key(name)
        stored = await self._call("read", key, lambda: self._get(key))
        return None if stored is None else unpack(stored)[1]

    async def delete_ref(self, name: str) -> None:
        """Forget `name`."""
        key = self._ref_key(name)
        await self._call(
            "remove", key, lambda: self._client.delete_object(Bucket=self._bucket, Key=key)
        )

    async def list_refs(self, prefix: str) -> list[str]:
        """Names below `prefix`, sorted."""
        top = f"{self._prefix}refs/"
        below = f"{top}{folder_path(prefix)}/" if prefix else top
        keys = await self._call("list", below, lambda: self._keys(below))
        names: list[str] = []
        for key in keys:
            name = name_of_path(key.removeprefix(top))
            if name is None:
                stored = await self._call("read", key, lambda key=key: self._get(key))
                name = None if stored is None else unpack(stored)[0]
            if name is not None:
                names.append(name)
        return sorted(names)

    async def list_objects(self, shard: str) -> list[StoredObject]:
        """List the objects of a shard."""
        top = self._objects
        items = await self._call("list", f"{top}{shard}", lambda: self._items(f"{top}{shard}"))
        found = [(digest_of_path(item["Key"].removeprefix(top)), item) for item in items]
        return [
            StoredObject(digest, item["Size"], item["LastModified"])
            for digest, item in found
            if digest is not None
        ]

    async def delete(self, digest: str, written_before: datetime) -> bool:
        """Remove an object, unless it was put since.

        S3 has no removal on that condition: between the look and the removal lie milliseconds, in
        which a writer of the same bytes would lose them.
        """
        key = self._object_key(digest)
        return await self._call("remove", key, lambda: self._delete(key, written_before))

    def _object_key(self, digest: str) -> str:
        return f"{self._objects}{object_path(digest)}"

    def _ref_key(self, name: str) -> str:
        return f"{self._prefix}refs/{ref_path(name)}"

    def _put(self, key: str, data: bytes) -> None:
        self._client.put_object(Bucket=self._bucket, Key=key, Body=data)

    def _create(self, key: str, data: bytes) -> bool:
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=data, IfNoneMatch="*")
        except ClientError as error:
            if _status(error) in (409, 412):
                return False
            raise
        return True

    def _get(self, key: str) -> bytes | None:
        try:
            return cast(
                "bytes", self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            )
        except ClientError as error:
            if _code(error) == "NoSuchKey":
                return None
            raise

    def _delete(self, key: str, written_before: datetime) -> bool:
        try:
            told = self._client.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if _status(error) == 404:
                return True
            raise
        if told["LastModified"] >= written_before:
            return False
        self._client.delete_object(Bucket=self._bucket, Key=key)
        return True

    def _keys(self, below: str) -> list[str]:
        return [item["Key"] for item in self._items(below)]

    def _items(self, below: str) -> list[dict[str, Any]]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=below
        )
        return [item for page in pages for item in page.get("Contents", ())]

    async def _call(self, verb: str, key: str, request: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, request)
        except ClientError as error:
            advice = _ADVICE.get(_code(error))
            kind = StoreClosedError if advice else StoreError
            raise kind(
                f"store {self.address}: cannot {verb} {key}: {one_line(error)}"
                + (f"; {advice}" if advice else "")
            ) from error
        except BotoCoreError as error:
            raise StoreError(
                f"store {self.address}: cannot {verb} {key}: {one_line(error)}; check the "
                "address, the network and the AWS credentials"
            ) from error


def _code(error: ClientError) -> str:
    return str(cast("Any", error).response.get("Error", {}).get("Code", ""))


def _status(error: ClientError) -> int:
    metadata = cast("Any", error).response.get("ResponseMetadata", {})
    return int(metadata.get("HTTPStatusCode", 0))
