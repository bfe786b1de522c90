"""Stores to test: a folder, a folder behind the cache, and S3 on a local port."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import boto3
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from activities.encryption.encryption import Encryption
from activities.encryption.keys import Keys
from activities.stores.base import ObjectStore
from activities.stores.cache import CachedStore
from activities.stores.local import LocalStore
from activities.stores.open import open_sealed
from activities.stores.s3 import S3Store
from rota.security.keyring import Key


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """A moto server.

    One request at a time: moto checks and writes in two steps, while S3 itself promises
    that a conditional write is one.
    """
    application = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, application, threaded=False)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Made-up credentials, and none of the machine's own."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-aws-credentials"))


@pytest.fixture
def bucket(s3_endpoint: str, aws: None) -> str:
    """A fresh bucket."""
    name = f"rota-{uuid4()}"
    client = boto3.client("s3", endpoint_url=s3_endpoint)
    client.create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    client.close()
    return name


@pytest.fixture(params=["local", "cached", "s3", "sealed", "sealed-s3"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ObjectStore:
    """Each kind of store in turn, empty."""
    monkeypatch.setenv("STORE_KEY", Key(b"k" * 32).text)

    def in_s3() -> str:
        bucket = request.getfixturevalue("bucket")
        return f"s3://{bucket}/p?endpoint={request.getfixturevalue('s3_endpoint')}"

    def sealed(address: str) -> ObjectStore:
        return open_sealed(address, Encryption(Keys(["env:STORE_KEY"]), "default"))

    makers: dict[str, Callable[[], ObjectStore]] = {
        "local": lambda: LocalStore(tmp_path / "store"),
        "cached": lambda: CachedStore(LocalStore(tmp_path / "store")),
        "s3": lambda: S3Store(
            request.getfixturevalue("bucket"),
            "some/prefix",
            endpoint_url=request.getfixturevalue("s3_endpoint"),
        ),
        "sealed": lambda: sealed(str(tmp_path / "store")),
        "sealed-s3": lambda: sealed(in_s3()),
    }
    return makers[request.param]()
