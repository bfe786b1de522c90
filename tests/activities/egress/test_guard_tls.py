"""TLS through the guard: the address is connected to, the name is what must be proven."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

# Comes with moto, which signs with it.
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from activities.egress.guard import GuardedClient
from activities.egress.network import Network
from rota.security.addresses import Address
from rota.security.egress import EgressSpec


@dataclass
class TlsServer:
    """A server whose certificate is for `shop.example`."""

    port: int = 0
    asked: list[str | None] = field(default_factory=list)
    """Names that clients sent in their greeting."""
    trust: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    """A client's context that trusts the certificate."""


@asynccontextmanager
async def tls_server(folder: Path) -> AsyncIterator[TlsServer]:
    """Serve on a free port of 127.0.0.1."""
    file = write_certificate(folder)
    server = TlsServer()
    server.trust.load_verify_locations(file)
    offered = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    offered.load_cert_chain(file)

    def note(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
        server.asked.append(name)

    offered.sni_callback = note

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine")
        await writer.drain()
        writer.close()

    running = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=offered)
    server.port = running.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        running.close()
        await running.wait_closed()


def write_certificate(folder: Path) -> Path:
    """A certificate for `shop.example` that signs itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.example")]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    path = folder / "server.txt"
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(secret + certificate.public_bytes(pem))
    return path


def client(server: TlsServer, host: str) -> GuardedClient:
    """A client that may ask `host`, found at the server's address."""

    async def resolve(_: str, __: int) -> tuple[Address, ...]:
        return (ipaddress.ip_address("127.0.0.1"),)

    return GuardedClient(
        EgressSpec(allow=(f"https://{host}:{server.port}",)),
        network=Network(
            resolve=resolve,
            admits=lambda address: address.is_loopback,
            transport=lambda: httpx2.AsyncHTTPTransport(verify=server.trust, trust_env=False),
        ),
    )


async def test_certificate_is_checked_against_the_name_of_the_url(tmp_path: Path) -> None:
    """Connecting to an address gives up nothing of what TLS proves."""
    async with tls_server(tmp_path) as server:
        url = f"https://shop.example:{server.port}/"
        assert (await client(server, "shop.example").request("GET", url)).body == b"fine"
    assert server.asked == ["shop.example"]


async def test_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    """A server at the right address that cannot prove the name gets no request."""
    async with tls_server(tmp_path) as server:
        url = f"https://other.example:{server.port}/"
        with pytest.raises(httpx2.ConnectError, match="not valid for"):
            await client(server, "other.example").request("GET", url)
    assert server.asked == ["other.example"]
