"""The Temporal UI, in a browser, shows what is encrypted, by way of the gateway."""

import asyncio
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from rota.hooks.gateway_spec import GatewaySpec
from tests.encrypted import encrypted_fleet, key
from tests.external.browser import CHROMIUM
from tests.house.repository import ROOT
from tests.stack import Stack, open_stack, script
from tests.workers.gateway.gateways import gateway_of
from workers.codec_server import PayloadReader
from workers.devserver import dev_server, free_port
from workers.encryption import encryption_of, store_of
from workers.gateway.serving import gateway_served
from workers.http_server import listener_at
from workers.settings import Settings

SECRET = "sentinel-9e40-for-readers-alone"
PICTURES = ROOT / "build"
"""Of what the browser saw, for people to look at."""
LONGEST_SECONDS = 60


@pytest.mark.usefixtures("browser")
async def test_finished_run_is_read_in_the_ui(tmp_path: Path) -> None:
    """Its input stands there if that page is declared; else the page is there, and sealed."""
    encrypted_fleet(tmp_path, key(1))
    address = f"127.0.0.1:{free_port()}"
    async with dev_server(with_ui=True, codec=f"http://{address}") as server:
        assert server.ui is not None
        stack = await open_stack(server.address, tmp_path)
        name = stack.name("talker")
        async with stack.worker():
            await stack.declare(name, runtime=script({"result": {"said": SECRET}}))
            await stack.run(name, f"{name}-1", input={"text": SECRET})
        run = await stack.client.get_workflow_handle(f"{name}-1").describe()
        page = f"{server.ui}/namespaces/default/workflows/{run.id}/{run.run_id}/history"
        async with decoding(stack, "https://temporal.example.com", address):
            sealed = await seen(page, tmp_path, "temporal-ui-sealed.png")
        async with decoding(stack, server.ui, address):
            opened = await seen(page, tmp_path, "temporal-ui.png")
    assert "Event History" in sealed
    assert SECRET not in sealed
    assert SECRET in opened


@asynccontextmanager
async def decoding(stack: Stack, page: str, address: str) -> AsyncGenerator[None]:
    """A gateway on loopback that decrypts for that page."""
    settings = Settings.read(stack.folder, store=stack.store.address, address=stack.address)
    opens = PayloadReader(store_of(settings), encryption_of(settings), "default")
    spec = GatewaySpec.model_validate({"decode": {"origins": [page]}})
    plain = gateway_of(stack)
    fleet = plain.fleet.model_copy(update={"gateway": spec})
    async with gateway_served(
        replace(plain, fleet=fleet, opens=opens), listener_at(address, "--listen")
    ):
        yield


async def seen(page: str, folder: Path, picture: str) -> str:
    """The page as a browser has it once it is complete; keeps a picture."""
    assert CHROMIUM is not None
    PICTURES.mkdir(exist_ok=True)
    command = [
        *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *(f"--user-data-dir={folder / 'browser'}", "--window-size=1400,1600"),
        *("--virtual-time-budget=8000", f"--screenshot={PICTURES / picture}", "--dump-dom", page),
    ]
    done = await asyncio.to_thread(
        subprocess.run,
        command,
        capture_output=True,
        text=True,
        check=True,
        timeout=LONGEST_SECONDS,
    )
    return done.stdout
