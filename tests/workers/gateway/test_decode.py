"""Payloads are opened for those who may read, and what they have read stands in the log."""

import asyncio
import json
import logging
import subprocess
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from google.protobuf import json_format
from temporalio.api.common.v1 import Payload, Payloads

from activities.stores.payloads import PAYLOAD_THRESHOLD
from rota.hooks.gateway_spec import GatewaySpec
from tests.encrypted import encrypted_fleet, key
from tests.stack import Stack, open_stack, script
from tests.workers.gateway.gateways import gateway_of, served
from workers.codec_server import PayloadReader
from workers.devserver import DevServer, temporal_binary
from workers.encryption import encryption_of, store_of
from workers.gateway.access import Access
from workers.settings import Settings

PAGE = "https://temporal.example.com"
TOKEN, OTHERS = "a-long-random-token", "another-random-token"
SECRET = "sentinel-71c2-for-readers-alone"
BEARER = {"authorization": f"Bearer {TOKEN}", "x-namespace": "default"}


@pytest.fixture
async def sealed(server: DevServer, tmp_path: Path) -> Stack:
    """A stack whose payloads are encrypted."""
    encrypted_fleet(tmp_path, key(1))
    return await open_stack(server.address, tmp_path)


@asynccontextmanager
async def decoding(
    stack: Stack, readers: dict[str, Access] | None = None, **block: Any
) -> AsyncGenerator[httpx2.AsyncClient]:
    """The stack's gateway with `gateway.decode`."""
    settings = Settings.read(stack.folder, store=stack.store.address, address=stack.address)
    opens = PayloadReader(store_of(settings), encryption_of(settings), "default")
    spec = GatewaySpec.model_validate({"decode": {"origins": [PAGE], **block}})
    plain = gateway_of(stack)
    fleet = plain.fleet.model_copy(update={"gateway": spec})
    known = {"ops": Access(TOKEN), "web": Access(OTHERS)} if readers is None else readers
    async with served(replace(plain, fleet=fleet, opens=opens, readers=known)) as asking:
        yield asking


def page_of(payloads: Sequence[Payload]) -> str:
    """The body of a request."""
    return json_format.MessageToJson(Payloads(payloads=payloads))


async def test_reader_sees_what_is_sealed_and_what_is_stored(
    sealed: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    """As one page, in its order; the log says who, where and how many, and no content."""
    caplog.set_level(logging.INFO, "rota.gateway.decode")
    large = SECRET * (2 * PAYLOAD_THRESHOLD // len(SECRET))
    kept = await sealed.client.data_converter.encode([SECRET, large])
    assert SECRET.encode() not in b"".join(each.SerializeToString() for each in kept)
    async with decoding(sealed) as asking:
        answer = await asking.post("/decode", content=page_of(kept), headers=BEARER)
        lost = await asking.post(
            "/decode", content=page_of([Payload(metadata={"encoding": b"?"})]), headers=BEARER
        )
    shown = json_format.Parse(answer.text, Payloads()).payloads
    assert [json.loads(each.data) for each in shown] == [SECRET, large]
    assert lost.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    lines = [each.getMessage() for each in caplog.records if each.name == "rota.gateway.decode"]
    assert lines[0] == (
        "decoded for ops at 127.0.0.1, page none: 2 payloads of namespace default, "
        "0 of them unreadable"
    )
    assert SECRET not in caplog.text


async def test_those_who_may_not_read_see_nothing(sealed: Stack) -> None:
    """No token, a wrong one, another namespace, a page that is not declared; nor is there more."""
    kept = page_of(await sealed.client.data_converter.encode([SECRET]))
    wrong = {**BEARER, "authorization": f"Bearer {TOKEN}x"}
    bare = {"x-namespace": "default"}
    cases = [
        (bare, 401),
        (wrong, 401),
        ({**BEARER, "x-namespace": "other"}, 404),
        ({"authorization": BEARER["authorization"]}, 404),
        ({**BEARER, "origin": "https://evil.example"}, 403),
        ({**BEARER, "origin": f"{PAGE}.evil.example"}, 403),
        ({**BEARER, "origin": PAGE.replace("https", "http")}, 403),
        ({**BEARER, "origin": "null"}, 403),
    ]
    async with decoding(sealed) as asking:
        for headers, status in cases:
            answer = await asking.post("/decode", content=kept, headers=headers)
            assert (answer.status_code, SECRET in answer.text) == (status, False), headers
            assert (
                headers.get("origin") is None or "access-control-allow-origin" not in answer.headers
            )
        encode = await asking.post("/encode", content=kept, headers=BEARER)
        read = await asking.get("/decode", headers=BEARER)
        broken = await asking.post("/decode", content=b"[1]", headers=BEARER)
        many = await asking.post("/decode", content=page_of([Payload()] * 2001), headers=BEARER)
    statuses = [each.status_code for each in (encode, read, broken, many)]
    assert statuses == [404, 405, 400, 413]


async def test_page_that_is_declared_may_ask(sealed: Stack) -> None:
    """What browsers ask before they ask: exactly that page, with what the UI sends."""
    asks = {
        "origin": PAGE,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,x-namespace",
    }
    kept = page_of(await sealed.client.data_converter.encode([SECRET]))
    async with decoding(sealed) as asking:
        preflight = await asking.options("/decode", headers=asks)
        stranger = await asking.options(
            "/decode", headers={**asks, "origin": "https://evil.example"}
        )
        answer = await asking.post("/decode", content=kept, headers={**BEARER, "origin": PAGE})
    assert (preflight.status_code, stranger.status_code, answer.status_code) == (204, 403, 200)
    assert "access-control-allow-origin" not in stranger.headers
    for each in (preflight, answer):
        assert each.headers["access-control-allow-origin"] == PAGE
        assert each.headers["access-control-allow-credentials"] == "true"
        assert each.headers["vary"] == "Origin"
    allowed = preflight.headers["access-control-allow-headers"].split(", ")
    assert {"authorization", "content-type", "x-namespace"} <= set(allowed)


async def test_readers_have_rates_of_their_own(sealed: Stack) -> None:
    """One who asks without end keeps nobody else from reading."""
    other = {**BEARER, "authorization": f"Bearer {OTHERS}"}
    async with decoding(sealed, per_minute=2) as asking:
        answers = [
            (await asking.post("/decode", content="{}", headers=headers)).status_code
            for headers in (BEARER, BEARER, BEARER, other)
        ]
    assert answers == [200, 200, 429, 200]


async def test_gateway_that_declares_no_reader_decodes_nothing(stack: Stack) -> None:
    """Without `gateway.decode` there is no such path."""
    async with served(gateway_of(stack)) as asking:
        assert (await asking.post("/decode", content="{}")).status_code == 404


async def test_temporals_own_command_line_reads_through_it(sealed: Stack) -> None:
    """With `--codec-endpoint` and `--codec-auth`, as its users write them."""
    name = sealed.name("talker")
    async with sealed.worker():
        await sealed.declare(name, runtime=script({"result": {"said": SECRET}}))
        await sealed.run(name, f"{name}-1", input={"text": SECRET})
    command = [temporal_binary(), "workflow", "result", "--workflow-id", f"{name}-1"]
    command += ["--address", sealed.address]
    async with decoding(sealed) as asking:
        options = ["--codec-endpoint", str(asking.base_url), "--codec-auth", f"Bearer {TOKEN}"]
        plain, read = [
            await asyncio.to_thread(
                subprocess.run, each, capture_output=True, text=True, check=False
            )
            for each in (command, [*command, *options])
        ]
    assert SECRET not in plain.stdout + plain.stderr
    assert SECRET in read.stdout, read.stderr
