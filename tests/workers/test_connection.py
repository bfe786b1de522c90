"""What a person is told when the server cannot be used."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from temporalio.service import GrpcCompression

from tests.stack import Stack
from workers.connection import UnreachableError, _compression, connect
from workers.devserver import free_port
from workers.settings import Settings

KEY = "sk-very-secret"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
FRAME_HEADERS, FRAME_SETTINGS = 1, 4
END_OF_ALL = 0x05
"""Flags END_STREAM and END_HEADERS."""


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[str]:
    """Serve on a free port; yields its address."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def told(address: str, monkeypatch: pytest.MonkeyPatch, **environ: str) -> str:
    """Connect where it must fail and return what the user reads."""
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", "/dev/null")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UnreachableError) as caught:
        await connect(Settings(Path(), "", address=address, allow_plaintext=True), None)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def refusing(status: int, message: str) -> Serve:
    """As much of HTTP/2 as it takes to answer each gRPC call with an error."""

    def frame(kind: int, flags: int, stream: int, body: bytes = b"") -> bytes:
        return len(body).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + body

    def header(name: str, value: str) -> bytes:  # HPACK: literal, without index or Huffman
        return b"\0" + b"".join(bytes((len(t),)) + t.encode() for t in (name, value))

    answer = b"\x88" + header("content-type", "application/grpc")  # \x88 is `:status: 200`
    answer += header("grpc-status", str(status)) + header("grpc-message", message)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(24)  # the preface
        writer.write(frame(FRAME_SETTINGS, 0, 0))
        while head := await reader.read(9):
            await reader.readexactly(int.from_bytes(head[:3]))
            if head[3] == FRAME_SETTINGS and not head[4]:
                writer.write(frame(FRAME_SETTINGS, 1, 0))
            if head[3] == FRAME_HEADERS:
                stream = int.from_bytes(head[5:9])
                writer.write(frame(FRAME_HEADERS, END_OF_ALL, stream, answer))
        writer.close()

    return serve


async def test_connect_where_nobody_listens_says_how_to_start_a_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The everyday case stays free of the client core's own words."""
    address = f"127.0.0.1:{free_port()}"
    assert await told(address, monkeypatch) == (
        f"no Temporal server answers at {address} (namespace default): start one with "
        "'rota dev', or set TEMPORAL_ADDRESS"
    )


async def test_connect_with_a_refused_key_says_so_and_not_the_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A wrong key is not taken for a missing server, even if the server repeats the key."""
    async with listening(refusing(16, f"{KEY} is no key")) as address:
        said = await told(address, monkeypatch, TEMPORAL_API_KEY=KEY, TEMPORAL_TLS="false")
    assert f"at {address} (namespace default): Unauthenticated: *** is no key; check" in said
    assert "TEMPORAL_API_KEY" in said
    assert KEY not in said


async def test_connect_with_tls_to_a_server_without_says_that_it_is_no_tls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What went wrong in the handshake is told."""

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with listening(plain) as address:
        said = await told(address, monkeypatch, TEMPORAL_TLS="true")
    assert "cannot use the Temporal server" in said
    assert "what answers there speaks no TLS" in said


async def test_connect_with_a_damaged_client_key_says_so_and_not_the_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A certificate problem reads as one."""
    said = await told(
        "127.0.0.1:1",
        monkeypatch,
        TEMPORAL_TLS="true",
        TEMPORAL_TLS_CLIENT_CERT_DATA="junk",
        TEMPORAL_TLS_CLIENT_KEY_DATA=KEY,
    )
    assert "PrivateKeyParseError); check TEMPORAL_ADDRESS" in said
    assert KEY not in said


async def test_connect_to_what_is_no_address_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A typing error in the address is told as any other trouble, not as a bug in Rota."""
    assert "invalid target URL" in await told("no address:7233", monkeypatch)


async def test_connect_to_a_url_says_that_an_address_has_no_scheme(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One line with what to write, instead of the client's own warning."""
    said = await told("http://localhost:7233/", monkeypatch)
    assert said.startswith("'http://localhost:7233/' is no address of a Temporal server")
    assert "write host:port, such as localhost:7233" in said


async def test_connection_within_one_host_is_not_compressed(stack: Stack) -> None:
    """Nothing is gained by it there; on the way to another host it is, as the SDK has it."""
    assert stack.client.service_client.config.grpc_compression is GrpcCompression.NONE
    assert _compression("temporal.example:7233") is GrpcCompression.GZIP
