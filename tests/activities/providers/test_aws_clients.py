"""Clients of AWS are made once, and nobody waits for one that is there."""

import threading
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from botocore.loaders import JSONFileLoader

from activities.providers.aws_clients import AwsClients
from rota.runtime_specs.aws_account import AwsSettings
from tests.fakes.aws_environment import become_known


@pytest.fixture
async def clients(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncGenerator[AwsClients]:
    """Of a service that is never called."""
    become_known(monkeypatch, tmp_path)
    made = AwsClients("bedrock-runtime", "Bedrock")
    yield made
    await made.aclose()


async def test_ready_again_starts_no_thread(
    clients: AwsClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session that begins when the client is there costs no thread."""
    settings = AwsSettings(region="eu-central-1")
    started: list[str] = []

    class Counted(threading.Thread):
        def start(self) -> None:
            started.append(self.name)
            super().start()

    monkeypatch.setattr(threading, "Thread", Counted)
    for _ in range(3):
        await clients.ready(settings, 30.0, what="runtime.region")
    assert started == ["rota-bedrock-runtime"]


async def test_get_settings_alike_share_a_client(clients: AwsClients) -> None:
    """Region, profile, endpoint and patience make a client; another patience makes another."""
    settings = AwsSettings(region="eu-central-1")
    first = clients.get(settings, 30.0)
    assert clients.get(AwsSettings(region="eu-central-1"), 30.0) is first
    assert clients.get(settings, 31.0) is not first


async def test_get_another_client_reads_no_description_again(
    clients: AwsClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What AWS says of a service, megabytes of it, is read and kept once in a process."""
    clients.get(AwsSettings(region="eu-central-1"), 30.0)
    read: list[str] = []
    monkeypatch.setattr(JSONFileLoader, "load_file", lambda self, path: read.append(path))
    other = AwsClients("bedrock-runtime", "Bedrock")
    try:
        client = other.get(AwsSettings(region="us-east-1"), 30.0)
    finally:
        await other.aclose()
    assert read == []
    assert client.meta.region_name == "us-east-1"
