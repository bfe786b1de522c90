"""What a person is told when TLS to the server cannot be had, whatever the client core calls it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from workers.connection import UnreachableError, connect
from workers.settings import Settings

NOW = datetime.now(UTC)


@asynccontextmanager
async def listening(tls: ssl.SSLContext) -> AsyncIterator[str]:
    """Shake hands and say no more; yields the address."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield f"localhost:{server.sockets[0].getsockname()[1]}"


async def told(address: str, monkeypatch: pytest.MonkeyPatch, **environ: str) -> str:
    """Connect where it must fail and return what the user reads."""
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", "/dev/null")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UnreachableError) as caught:
        await connect(Settings(Path(), "", address=address), None)
    return str(caught.value)


def certified(folder: Path, name: str, *, ends: timedelta) -> tuple[ssl.SSLContext, str]:
    """A server's TLS with a certificate for `name`, and the file of the authority behind it."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, n)]) for n in ("ca", name)]
    made = [
        x509.CertificateBuilder()
        .subject_name(names[one])
        .issuer_name(names[0])
        .public_key(keys[one].public_key())
        .serial_number(one + 1)
        .not_valid_before(NOW - timedelta(days=9))
        .not_valid_after(NOW + (ends if one else timedelta(days=9)))
        .add_extension(x509.BasicConstraints(ca=not one, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(keys[0], hashes.SHA256())
        for one in (0, 1)
    ]
    authority, chain = folder / "ca.pem", folder / "server.pem"
    pem = serialization.Encoding.PEM
    authority.write_bytes(made[0].public_bytes(pem))
    own = keys[1].private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain.write_bytes(made[1].public_bytes(pem) + own)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    context.set_alpn_protocols(["h2"])
    return context, str(authority)


@pytest.mark.parametrize(
    ("name", "days", "trusted", "reason"),
    [
        ("other.example", 9, True, "its certificate is for another name"),
        ("localhost", 9, False, "nobody known here vouches for its certificate"),
        ("localhost", -1, True, "its certificate has expired"),
    ],
)
async def test_certificate_that_will_not_do_is_told_in_plain_words(
    name: str,
    days: int,
    trusted: bool,
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And which variable mends it."""
    context, authority = certified(tmp_path, name, ends=timedelta(days=days))
    environ = {"TEMPORAL_TLS": "true"}
    if trusted:
        environ["TEMPORAL_TLS_SERVER_CA_CERT_PATH"] = authority
    async with listening(context) as address:
        line = await told(address, monkeypatch, **environ)
    assert reason in line
    assert "Error" not in line


async def test_name_of_no_host_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most often a typing error."""
    line = await told("nohost.invalid:7233", monkeypatch, TEMPORAL_TLS="true")
    assert "there is no such host" in line
