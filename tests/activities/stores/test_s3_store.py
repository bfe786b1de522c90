"""S3: what goes wrong there, and listings of more than one page."""

import socket

import boto3
import pytest

from activities.stores.base import StoreError
from activities.stores.s3 import PREFIX_LIMIT, S3Store


async def test_list_refs_reads_every_page(
    bucket: str, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 lists a thousand keys at a time, this one ten; all of them are found."""
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "10")
    client = boto3.client("s3", endpoint_url=s3_endpoint)
    for number in range(25):
        client.put_object(Bucket=bucket, Key=f"p/refs/many/{number}=", Body=b"")
    first = client.list_objects_v2(Bucket=bucket)
    client.close()
    assert (first["IsTruncated"], len(first["Contents"])) == (True, 10)
    store = S3Store(bucket, "p", endpoint_url=s3_endpoint)
    assert len(await store.list_refs("many")) == 25


async def test_objects_and_refs_lie_below_the_prefix(bucket: str, s3_endpoint: str) -> None:
    """Nothing is written outside the prefix, and the keys are those of a folder store."""
    store = S3Store(bucket, "/team/a/", endpoint_url=s3_endpoint)
    digest = await store.put(b"x")
    await store.set_ref("../up", b"x")
    client = boto3.client("s3", endpoint_url=s3_endpoint)
    keys = {item["Key"] for item in client.list_objects_v2(Bucket=bucket)["Contents"]}
    client.close()
    assert keys == {f"team/a/objects/{digest[:2]}/{digest[2:]}", "team/a/refs/%2e./up="}
    assert store.address == f"s3://{bucket}/team/a"


async def test_get_tampered_object_is_refused(bucket: str, s3_endpoint: str) -> None:
    """Bytes that do not match their digest are an error; putting them again heals them."""
    store = S3Store(bucket, endpoint_url=s3_endpoint)
    digest = await store.put(b"x")
    client = boto3.client("s3", endpoint_url=s3_endpoint)
    client.put_object(Bucket=bucket, Key=f"objects/{digest[:2]}/{digest[2:]}", Body=b"y")
    client.close()
    with pytest.raises(StoreError, match="damaged"):
        await store.get(digest)
    await store.put(b"x")
    assert await store.get(digest) == b"x"


async def test_missing_bucket_says_what_to_do(bucket: str, s3_endpoint: str) -> None:
    """A bucket that is not there is an error for reads too, never an empty store."""
    store = S3Store(f"{bucket}-not", endpoint_url=s3_endpoint)
    for call in (store.put(b"x"), store.get("ab" * 32), store.get_ref("r"), store.list_refs("")):
        with pytest.raises(StoreError, match="create the bucket, or mend ROTA_STORE") as caught:
            await call
        assert "\n" not in str(caught.value)


async def test_unreachable_endpoint_says_what_to_do(aws: None) -> None:
    """No server at the address is one line with what to check."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{closed.getsockname()[1]}"
        store = S3Store("bucket", endpoint_url=endpoint)
        with pytest.raises(StoreError, match="check the address, the network") as caught:
            await store.put(b"x")
    assert "\n" not in str(caught.value)


async def test_no_credentials_says_what_to_do(
    bucket: str, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without credentials the error names them."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    store = S3Store(bucket, endpoint_url=s3_endpoint)
    with pytest.raises(StoreError, match="AWS credentials"):
        await store.put(b"x")


def test_long_prefix_is_refused(aws: None) -> None:
    """A prefix that leaves no room for the longest ref is refused at once."""
    with pytest.raises(StoreError, match="prefix"):
        S3Store("bucket", "p" * (PREFIX_LIMIT + 1))
