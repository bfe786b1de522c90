"""The client that an object store in S3 works with: what it calls, and how patiently.

I/O side. Retries: this is storage, not a provider call that costs money, and every request here is
safe to repeat, so boto3's own three quick attempts stay on below Temporal's.
"""

from typing import Any, Protocol, cast

from botocore.config import Config  # pyright: ignore[reportMissingTypeStubs]
from botocore.exceptions import BotoCoreError  # pyright: ignore[reportMissingTypeStubs]

from activities.aws_session import aws_session
from activities.stores.base import StoreError

THREADS = 16
"""Requests under way at once, also the size of the connection pool. Threads of our own:
asyncio's default pool has six on two cores, and others wait there."""

_CONFIG = Config(
    connect_timeout=5,
    read_timeout=30,
    max_pool_connections=THREADS,
    retries={"mode": "standard", "total_max_attempts": 3},
    # boto3's newer default checksums are refused by some look-alikes, and every object is
    # verified against its SHA-256 anyway.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)


class S3Client(Protocol):
    """The five calls used of boto3's client, which comes without types."""

    def put_object(self, **kwargs: Any) -> Any:
        """Write one object."""

    def get_object(self, **kwargs: Any) -> Any:
        """Read one object."""

    def delete_object(self, **kwargs: Any) -> Any:
        """Remove one object."""

    def head_object(self, **kwargs: Any) -> Any:
        """Tell of one object."""

    def get_paginator(self, operation_name: str) -> Any:
        """Return an iterator over the pages of a listing."""


def new_client(endpoint_url: str | None, region: str | None) -> S3Client:
    """Return a client; credentials come from boto3's usual places.

    Raises:
        StoreError: boto3 refuses the settings.
    """
    try:
        session = aws_session(region)
        client = session.create_client("s3", endpoint_url=endpoint_url, config=_CONFIG)
    except (BotoCoreError, ValueError) as error:
        raise StoreError(f"cannot set up S3: {one_line(error)}; mend ROTA_STORE") from error
    return cast("S3Client", client)


def one_line(error: Exception) -> str:
    """Return what an error says, in one line."""
    return " ".join(str(error).split())
