"""Answers that providers post are taken from those who were asked, once, and never named."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from activities.audit.marking import is_own
from activities.callbacks import Callbacks, offered, reminded
from activities.preflight import preflight
from activities.runtimes.http import HttpRuntime
from activities.secrets import Secrets
from activities.stores.local import LocalStore
from activities.toolbox import Toolbox
from rota.agent_spec import AgentSpec
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.n8n import KIND
from rota.runtimes.kind import Probe
from rota.runtimes.session import SessionState
from tests.activities.runtimes.session_requests import INBOX, Reports, session_request
from tests.contract.http_bench import HttpBench
from tests.fakes.http_job_server import TOKEN
from workers.callbacks import (
    MAX_BYTES,
    CallbackOptionsError,
    callbacks_from,
    receiving,
)

SECRET = "sixteen letters and more"


@pytest.fixture
async def open_door(tmp_path: Path) -> AsyncGenerator[Callbacks]:
    """A receiver on a free port, whose public address is its own."""
    store = LocalStore(tmp_path)
    async with receiving(Callbacks(store, "https://unused.example", SECRET), "127.0.0.1:0") as at:
        assert at is not None
        yield Callbacks(store, at, SECRET)


async def post(url: str, body: bytes = b"{}") -> int:
    """Post, and return the status."""
    async with httpx2.AsyncClient() as client:
        return (await client.post(url, content=body)).status_code


def test_secret_that_signs_addresses_is_cut_out_of_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tool may print its worker's environment: whoever knows it can sign answers."""
    monkeypatch.setenv("ROTA_CALLBACK_SECRET", "signs-addresses-of-runs")
    assert callbacks_from(LocalStore(tmp_path), None, "https://rota.example.com")
    assert Secrets().redact("ROTA_CALLBACK_SECRET=signs-addresses-of-runs").endswith("=[redacted]")


async def test_first_answer_is_kept_and_repeats_are_not(open_door: Callbacks) -> None:
    """A provider that posts twice is told that all is well, and changes nothing."""
    address = open_door.address(INBOX)
    assert await post(address, b'{"n": 1}') == 202
    assert await post(address, b'{"n": 2}') == 200
    assert await open_door.delivered(INBOX) == b'{"n": 1}'


async def test_answer_is_named_by_its_run(open_door: Callbacks) -> None:
    """So it goes when the run is erased, or its retention is over."""
    await post(open_door.address(INBOX))
    (name,) = await open_door.store.list_refs("callbacks")
    assert is_own(name, {"run-1"})
    assert not is_own(name, {"run-2"})


async def test_two_answers_at_once_keep_one(open_door: Callbacks) -> None:
    """Deliveries that overlap are one delivery."""
    address = open_door.address(INBOX)
    statuses = await asyncio.gather(*(post(address, b"%d" % number) for number in range(8)))
    assert sorted(statuses) == [200] * 7 + [202]


async def test_address_that_wakes_is_called_so_often_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call costs the store two requests: a flood is told to come later, others are not."""
    monkeypatch.setattr("workers.callbacks.RINGS_PER_MINUTE", 2)
    unused = Callbacks(LocalStore(tmp_path), "https://unused.example", SECRET)
    async with receiving(unused, "127.0.0.1:0") as at, httpx2.AsyncClient() as client:
        door = replace(unused, url=str(at))
        flooded, other = door.waking_address(INBOX), door.waking_address(f"other-{INBOX}")
        assert [await post(flooded) for _ in range(2)] == [200, 200]
        refused = await client.post(flooded)
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["Retry-After"]) <= 30
        assert await post(other) == 200
        assert await post(door.address(INBOX)) == 202


@pytest.mark.parametrize("forged", ["", "x", f"{INBOX}-{'0' * 64}", f"{'0' * 64}-", INBOX])
async def test_token_that_was_not_given_out_is_not_found(open_door: Callbacks, forged: str) -> None:
    """Nobody can answer for a provider that was asked, nor learn who was."""
    base = open_door.address(INBOX).partition("/run-1/")[0]
    assert await post(f"{base}/{forged}") == 404
    assert await open_door.delivered(INBOX) is None


async def test_token_of_another_secret_is_not_found(open_door: Callbacks) -> None:
    """A fleet's addresses open no other fleet's door."""
    other = Callbacks(open_door.store, open_door.url, "another secret, as long")
    assert await post(other.address(INBOX)) == 404


async def test_answer_that_is_too_large_is_refused(open_door: Callbacks) -> None:
    """A flood is turned away, whoever sends it."""
    assert await post(open_door.address(INBOX), b"x" * (MAX_BYTES + 1)) == 413
    assert await open_door.delivered(INBOX) is None


@pytest.mark.parametrize("said", [b"", b"POST /callbacks/x HTTP/1.1\r\nHost: x\r\n"])
async def test_connection_that_says_too_little_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    """A few hundred of them would keep everybody else out."""
    monkeypatch.setattr("workers.callbacks.LONGEST_SECONDS", 0.2)
    callbacks = Callbacks(LocalStore(tmp_path), "https://unused.example", SECRET)
    async with receiving(callbacks, "127.0.0.1:0") as at:
        assert at is not None
        reader, writer = await asyncio.open_connection("127.0.0.1", int(at.rpartition(":")[2]))
        writer.write(said)
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
        writer.close()


async def test_repeated_answer_is_not_stored(open_door: Callbacks, tmp_path: Path) -> None:
    """Who may answer once cannot fill the store."""

    def stored() -> int:
        return sum(path.is_file() for path in tmp_path.rglob("*"))

    await post(open_door.address(INBOX), b"first")
    before = stored()
    for number in range(3):
        assert await post(open_door.address(INBOX), b"%d" % number) == 200
    assert stored() == before


async def test_token_is_never_logged(
    open_door: Callbacks, caplog: pytest.LogCaptureFixture
) -> None:
    """What opens the door stands in no log."""
    caplog.set_level(logging.DEBUG)
    address = open_door.address(INBOX)
    await post(address)
    ours = [record for record in caplog.records if not record.name.startswith(("http", "asyncio"))]
    assert all(address.rpartition("-")[2] not in record.getMessage() for record in ours)


@pytest.mark.parametrize(
    ("listen", "url", "secret", "words"),
    [
        ("127.0.0.1:0", None, SECRET, "--callback-url"),
        (None, "rota.example.com", SECRET, "--callback-url"),
        (None, "https://rota.example.com", "", "ROTA_CALLBACK_SECRET"),
        (None, "https://rota.example.com", "short", "ROTA_CALLBACK_SECRET"),
    ],
)
def test_options_that_cannot_work_are_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    listen: str | None,
    url: str | None,
    secret: str,
    words: str,
) -> None:
    """The worker does not start with half of it; one line says what is missing."""
    monkeypatch.setenv("ROTA_CALLBACK_SECRET", secret)
    with pytest.raises(CallbackOptionsError, match=words):
        callbacks_from(LocalStore(tmp_path), listen, url)


@pytest.mark.parametrize(
    ("url", "secret", "given"),
    [
        (None, SECRET, "https://gateway.example.com/callbacks"),
        ("https://other.example.com", SECRET, "https://other.example.com/callbacks"),
        (None, "", None),
    ],
)
def test_address_of_the_gateway_is_given_out_where_no_other_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    url: str | None,
    secret: str,
    given: str | None,
) -> None:
    """Links of approvals need no callbacks: without the secret `gateway.url` asks for none."""
    monkeypatch.setenv("ROTA_CALLBACK_SECRET", secret)
    made = callbacks_from(LocalStore(tmp_path), None, url, "https://gateway.example.com")
    assert (made.address(INBOX) if made else None) == (given and f"{given}/{_token(made)}")


def _token(callbacks: Callbacks | None) -> str:
    return callbacks.address(INBOX).partition("/callbacks/")[2] if callbacks else ""


@pytest.mark.parametrize("listen", ["nowhere", "127.0.0.1:x", "127.0.0.1:99999", "256.1.1.1:80"])
async def test_address_that_is_none_is_refused(tmp_path: Path, listen: str) -> None:
    """A malformed or unusable address is named with the option."""
    callbacks = Callbacks(LocalStore(tmp_path), "https://rota.example.com", SECRET)
    with pytest.raises(CallbackOptionsError, match="--callbacks"):
        async with receiving(callbacks, listen):
            pass
    assert offered() is None


def calling_back(bench: HttpBench) -> dict[str, Any]:
    """The block of a service that calls back."""
    start = {
        "url": f"{bench.server.url}/jobs",
        "body": {"task": "{task}", "callback": "{callback}"},
    }
    block = bench.settings(mode="callback", start=start)
    return {key: value for key, value in block.items() if key not in ("status", "cancel")}


async def test_service_that_calls_back_is_heard(
    open_door: Callbacks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer comes by the callback alone, and is read as often as needed."""
    monkeypatch.setenv("ROTA_TEST_JOB_TOKEN", TOKEN)
    runtime = HttpRuntime(Secrets())
    async with HttpBench() as bench, receiving(open_door, None):
        bench.answer("three boxes", seconds=0.1)
        request = session_request(calling_back(bench))
        session = await runtime.submit(request)
        seen = await runtime.observe(session, request, "", Reports())
        assert seen.state is SessionState.ENDED
        end = await runtime.collect(session, request, seen.cursor)
        assert end.message.text == "three boxes"
        assert end == await runtime.collect(session, request, seen.cursor)
        assert [method for method, *_ in bench.server.script.requests] == ["POST"]
    await runtime.aclose()


async def test_service_that_calls_back_is_not_started_without_a_door() -> None:
    """Work whose answer nobody could hear is not begun."""
    async with HttpBench() as bench:
        runtime = HttpRuntime(Secrets())
        with pytest.raises(StepError, match="--callback-url") as caught:
            await runtime.submit(session_request(calling_back(bench)))
        assert caught.value.category is FailureCategory.INVALID_REQUEST
        assert bench.starts == 0
        await runtime.aclose()


async def test_preflight_blocks_what_nobody_could_hear(tmp_path: Path) -> None:
    """An agent that needs callbacks is blocked on a worker that takes none, in one line."""
    async with HttpBench() as bench:
        settings = {**calling_back(bench), "headers": {}, "secrets": {}}
        spec = AgentSpec.model_validate({"name": "agent", "runtime": settings})
        toolbox = Toolbox(tmp_path, {})
        with pytest.raises(StepError, match=r"runtime\.mode: this worker takes no callbacks"):
            preflight(spec, toolbox)
        async with receiving(Callbacks(LocalStore(tmp_path), "https://a.example", SECRET), None):
            preflight(spec, toolbox)


@pytest.mark.parametrize("mode", ["callback", "poll"])
async def test_doctor_is_reminded_of_the_address_that_workers_give_out(
    mode: str, tmp_path: Path
) -> None:
    """It is no worker, so it can but say so; where none is given out there is nothing to say."""
    found = Probe(ok=True, found="up")
    needs = KIND.settings.model_validate(
        {"kind": "n8n", "webhook": "https://n8n.example.com/webhook/x", "api_key": "env:K"}
        | ({"callback": True} if mode == "callback" else {})
    )
    told = reminded(found, needs).found
    assert ("ROTA_CALLBACK_SECRET" in told, "gateway.url" in told) == ((mode == "callback"),) * 2
    async with receiving(Callbacks(LocalStore(tmp_path), "https://x.example", SECRET), None):
        assert reminded(found, needs) == found
    broken = Probe(ok=False, found="down", cure="x")
    assert reminded(broken, needs) == broken
