"""What is being answered when a process stops is answered, and what is silent is let go."""

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from workers.gateway import serving
from workers.http_server import ListenError, Tls, http_served, listener_at


class Slow:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()

    async def answer(self, _: Request) -> Response:
        self.asked.set()
        await self.go_on.wait()
        return PlainTextResponse("done")


@asynccontextmanager
async def served(slow: Slow, tls: Tls | None = None) -> AsyncGenerator[str]:
    """Serve at a free port."""
    app = Starlette(routes=[Route("/", slow.answer)])
    listener = listener_at("127.0.0.1:0", "--listen")
    async with http_served(
        app, listener, connection=serving._Connection, places=10, grace_seconds=10, tls=tls
    ) as address:
        yield address


def certificate(folder: Path) -> Tls:
    """One of one's own, for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rota")])
    now = datetime.now(UTC)
    own = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(minutes=5))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(own.public_bytes(pem))
    private = serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(pem, private, serialization.NoEncryption()))
    return Tls(folder / "cert.pem", folder / "key.pem")


async def test_request_in_flight_is_answered_when_the_server_stops() -> None:
    """And nobody new is let in meanwhile."""
    slow = Slow()
    async with httpx2.AsyncClient() as client:
        async with served(slow) as address:
            asking = asyncio.create_task(client.get(address))
            await slow.asked.wait()
            asyncio.get_running_loop().call_later(0.05, slow.go_on.set)
        assert (await asking).text == "done"
        with pytest.raises(httpx2.ConnectError):
            await client.get(address)


async def test_connection_that_is_silent_is_closed_and_one_at_work_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A place is not held by whoever sends half a request, however long an answer may take."""
    monkeypatch.setattr(serving, "SILENT_SECONDS", 0.05)
    slow = Slow()
    async with served(slow) as address, httpx2.AsyncClient() as client:
        asking = asyncio.create_task(client.get(address))
        host, _, port = address.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET / HTTP/1.1\r\nHost:")
        assert await reader.read() == b""
        writer.close()
        slow.go_on.set()
        assert (await asking).text == "done"


async def test_server_with_a_certificate_speaks_tls(tmp_path: Path) -> None:
    """Its clients trust that certificate, and no plain request is answered."""
    slow, tls = Slow(), certificate(tmp_path)
    assert tls.problem == ""
    slow.go_on.set()
    trusted = ssl.create_default_context(cafile=tls.certificate)
    async with served(slow, tls) as address, httpx2.AsyncClient(verify=trusted) as client:
        assert (await client.get(address)).text == "done"
        with pytest.raises(httpx2.HTTPError):
            await client.get(address.replace("https", "http"))


def test_certificate_that_cannot_be_used_is_told_in_one_line(tmp_path: Path) -> None:
    """Before anybody listens."""
    good = certificate(tmp_path)
    missing = tmp_path / "missing.pem"
    assert Tls(missing, good.key).problem == f"cannot read {missing}: No such file or directory"
    swapped = Tls(good.key, good.certificate)
    assert swapped.problem.endswith("are no certificate with its key, in PEM")


def test_address_that_is_taken_is_told() -> None:
    """With the option that it was written at."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(
            ListenError, match=f"cannot listen at {listen}: Address already in use$"
        ):
            listener_at(listen, "--listen")
