"""`rota gateway`, as an operator starts and stops it."""

import asyncio
import signal
from pathlib import Path

import httpx2
import pytest
from google.protobuf import json_format
from temporalio.api.common.v1 import Payloads

from activities.stores.payloads import PAYLOAD_THRESHOLD
from tests.processes.worker_process import launched
from tests.stack import Stack
from tests.workers.cli.command_line import rota
from tests.workflows.gates import poll
from workers.cli.exit_codes import ExitCode
from workers.devserver import free_port

TOKEN = "a-long-random-token"
DECLARED = "name: test\ngateway: {decode: {readers: {ops: env:DECODE_TOKEN}}}\n"


async def test_gateway_serves_until_it_is_told_to_stop(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what is declared; SIGTERM ends it with 0, and its log says so in JSON if asked for."""
    (stack.folder / "fleet.yaml").write_text(DECLARED)
    monkeypatch.setenv("DECODE_TOKEN", TOKEN)
    monkeypatch.setenv("ROTA_CALLBACK_SECRET", TOKEN)
    kept = await stack.client.data_converter.encode(["large" * PAYLOAD_THRESHOLD])
    address = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("ROTA_GATEWAY_LISTEN", address)
    with launched(stack, ("workers", "gateway", "--log-format", "json")) as process:
        async with httpx2.AsyncClient(base_url=f"http://{address}") as client:

            async def ready() -> bool | None:
                assert process.poll() is None, (stack.folder / "worker.log").read_text()
                try:
                    answer = await client.get("/readyz")
                except httpx2.ConnectError:
                    return None
                return True if answer.status_code == 200 else None

            await poll(ready)
            page = json_format.MessageToJson(Payloads(payloads=kept))
            headers = {"authorization": f"Bearer {TOKEN}", "x-namespace": "default"}
            decoded = await client.post("/decode", content=page, headers=headers)
            assert len(decoded.content) > PAYLOAD_THRESHOLD
            assert (await client.post("/decode", content=page)).status_code == 401
            # An address that was not given out has no words of its own; a path that is none has.
            forged = await client.post("/callbacks/forged", content=b"{}")
            assert (forged.status_code, forged.text) == (404, "")
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 10) == ExitCode.OK
    log = (stack.folder / "worker.log").read_text()
    assert f"at http://{address}" in log
    assert '"logger": "rota.gateway", "message": "stopped"' in log


@pytest.mark.parametrize(
    ("fleet_file", "arguments", "told"),
    [
        ("", ["--listen", "0.0.0.0:0"], "is open to the network"),
        ("gateway: {token: env:GATEWAY_TOKEN}", [], "has no GATEWAY_TOKEN"),
        ("gateway: {token: abcdefghijklmnop}", [], "write a reference, env:NAME or file:/path"),
        (
            "gateway: {url: https://a.example.com, links: {secret: env:NO_SUCH_LINKS}}",
            [],
            "gateway.links of fleet.yaml: secret env:NO_SUCH_LINKS",
        ),
        ("gateway: {links: {secret: env:LINKS}}", [], "links need url"),
        ("", ["--listen", "nowhere"], "is not HOST:PORT"),
        ("", ["--tls-cert", "cert.pem"], "--tls-cert and --tls-key belong together"),
        ("", ["--tls-cert", "no.pem", "--tls-key", "no.pem"], "cannot read no.pem"),
    ],
)
async def test_gateway_that_cannot_be_served_says_why(
    tmp_path: Path, fleet_file: str, arguments: list[str], told: str
) -> None:
    """In one line with exit code 2, before it asks a server anything."""
    (tmp_path / "fleet.yaml").write_text(f"name: office\n{fleet_file}\n")
    ended = await rota("gateway", "--fleet", str(tmp_path), *arguments)
    assert ended.code == ExitCode.WRONG
    assert told in ended.err
    assert len(ended.err.strip().splitlines()) == 1
