"""Whoever keeps a gateway alive is told whether it lives, and whether it can take something on."""

from dataclasses import replace
from pathlib import Path

import pytest
from temporalio.client import Client

from activities.stores.base import StoreError
from activities.stores.local import LocalStore
from tests.stack import Stack
from tests.workers.gateway.gateways import gateway_of, served
from workers.gateway.health import look_at_start


class AwayStore(LocalStore):
    """Nobody reaches it."""

    async def get_ref(self, name: str) -> bytes | None:
        raise StoreError("store s3://secret-bucket: unreachable")


class FullStore(LocalStore):
    """Read, but not written."""

    async def set_ref(self, name: str, value: bytes, *, if_absent: bool = False) -> bytes:
        raise StoreError("no space left on device")


async def test_gateway_with_server_and_store_is_ready(stack: Stack) -> None:
    """Open to everybody, also where metrics need a token: a probe has none."""
    async with served(gateway_of(stack, token="sixteen letters or more")) as asking:
        alive, ready = await asking.get("/healthz"), await asking.get("/readyz")
    assert (alive.status_code, alive.text) == (200, "ok\n")
    assert (ready.status_code, ready.json()) == (200, {"server": "ok", "store": "ok"})


@pytest.mark.parametrize("kind", [AwayStore, FullStore])
async def test_gateway_whose_store_does_not_serve_is_not_ready(
    stack: Stack, tmp_path: Path, kind: type[LocalStore], caplog: pytest.LogCaptureFixture
) -> None:
    """It lives on, says what is missing and to strangers no more; the log has why."""
    async with served(gateway_of(stack, store=kind(tmp_path))) as asking:
        ready, alive = await asking.get("/readyz"), await asking.get("/healthz")
    assert (ready.status_code, ready.json()) == (503, {"server": "ok", "store": "unreachable"})
    assert alive.status_code == 200
    assert "not ready: the store: " in caplog.text


async def test_gateway_whose_namespace_is_gone_is_not_ready(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that answers, and would take nothing, does not count as one; the start tells."""
    client = Client(stack.client.service_client, namespace="gone")
    gateway = replace(gateway_of(stack), client=client)
    await look_at_start(gateway)
    assert "not ready: the server: Namespace gone is not found" in caplog.text
    async with served(gateway) as asking:
        ready = await asking.get("/readyz")
    assert ready.json() == {"server": "unreachable", "store": "ok"}
