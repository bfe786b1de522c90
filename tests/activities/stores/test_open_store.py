"""Addresses of stores."""

import subprocess
import sys
from pathlib import Path

import pytest

from activities.stores.base import StoreError
from activities.stores.open import open_store


async def test_address_of_a_folder_opens_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain path, a file URL and a relative path name one folder."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "a b"
    digest = await open_store(str(folder)).put(b"x")
    for address in (folder.as_uri(), f"file://{folder}", "a b", "./a b"):
        store = open_store(address)
        assert store.address == str(folder)
        assert await store.get(digest) == b"x"


async def test_address_of_a_bucket_opens_it(bucket: str, s3_endpoint: str) -> None:
    """Bucket, prefix, endpoint and region come from the address."""
    store = open_store(f"s3://{bucket}/some/prefix?endpoint={s3_endpoint}&region=eu-central-1")
    assert store.address == f"s3://{bucket}/some/prefix"
    assert await store.get(await store.put(b"x")) == b"x"


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("gs://bucket/x", "unknown kind of store in gs://bucket/x: use a folder"),
        ("S4://bucket", "unknown kind of store"),
        ("file://server/share", "is not a folder on this machine"),
        ("file://", "is not a folder on this machine"),
        ("~no-such-user/x", "cannot use '~no-such-user/x' as a folder"),
        ("nul\0inside", "cannot use 'nul\\x00inside' as a folder"),
        ("s3://", "is no bucket"),
        ("s3:///prefix", "is no bucket"),
        ("s3://bucket/x?endpont=y", "unknown option 'endpont'"),
        ("s3://bucket?endpoint=nonsense", "cannot set up S3: Invalid endpoint: nonsense"),
        ("s3://AKIA:hush@bucket/x", "carries credentials"),
        ("ftp://me:hush@host/x", "unknown kind of store in ftp://host/x"),
    ],
)
def test_address_that_cannot_be_understood_is_refused(
    aws: None, address: str, message: str
) -> None:
    """Each mistake is named in one line that shows no credentials."""
    with pytest.raises(StoreError) as caught:
        open_store(address)
    assert message in str(caught.value)
    assert "hush" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_address_is_asked_of_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty address is refused: who reads the environment is `workers.settings` alone."""
    monkeypatch.setenv("ROTA_STORE", "/elsewhere")
    with pytest.raises(StoreError, match="the address of the store is empty: use a folder"):
        open_store("")


def test_folder_store_and_converter_load_no_provider() -> None:
    """Opening a folder, and building the converter, import neither boto3 nor anthropic."""
    code = (
        "import sys; from activities.converter import data_converter; "
        "from activities.stores.open import open_store; data_converter(open_store('x')); "
        "print(sorted({'boto3', 'botocore', 'anthropic', 'httpx'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
