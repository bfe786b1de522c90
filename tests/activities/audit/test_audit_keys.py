"""Keys of the audit record: of runs' content in the store, and the one that signs."""

import asyncio
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from activities.audit.content_keys import content_key, destroy_content_key
from activities.audit.signing import SigningKeyError, signer_of
from activities.secrets import Secrets
from activities.stores.local import LocalStore
from rota.audit.content_key import Destruction
from rota.audit.ed25519 import signature_holds
from tests.rota.audit.audit_records import BEGAN

PEM = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
GONE = Destruction(by="ann", reason="request of the subject", at=BEGAN)


def everything_below(folder: Path) -> bytes:
    """The bytes of all files."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_key_of_a_run_is_made_once(tmp_path: Path) -> None:
    """Whoever asks at the same time gets the same one, and each run its own."""
    stores = [LocalStore(tmp_path) for _ in range(5)]
    keys = await asyncio.gather(*(content_key(store, "run-1") for store in stores))
    assert len({key.key for key in keys}) == 1
    assert len(keys[0].secret) == 32
    assert await content_key(stores[0], "run-2") != keys[0]


async def test_destroyed_key_is_nowhere_in_the_store(tmp_path: Path) -> None:
    """And none is made in its place."""
    store = LocalStore(tmp_path)
    key = await content_key(store, "run-1")
    gone = await destroy_content_key(store, "run-1", GONE)
    again = await destroy_content_key(store, "run-1", GONE.model_copy(update={"by": "bob"}))
    assert gone == again == await content_key(store, "run-1")
    assert gone.destroyed == GONE
    assert b"request of the subject" in everything_below(tmp_path)
    assert key.key.encode() not in everything_below(tmp_path)


@pytest.mark.parametrize("form", ["pem", "hex"])
def test_signing_key_signs_what_the_verifier_accepts(form: str, tmp_path: Path) -> None:
    """As openssl writes it, or as 64 digits."""
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(*PEM).decode()
    (tmp_path / "key").write_text(pem if form == "pem" else private.private_bytes_raw().hex())
    signer = signer_of(f"file:{tmp_path}/key", Secrets())
    assert signer is not None
    assert signature_holds(
        bytes.fromhex(signer.key), b"words", bytes.fromhex(signer.sign(b"words"))
    )
    assert signer_of(None, Secrets()) is None


@pytest.mark.parametrize("content", ["nonsense", "00" * 31 + "zz", "ec", None])
def test_signing_key_that_is_none_is_told_in_one_line_without_it(
    content: str | None, tmp_path: Path
) -> None:
    """What is wrong, where it was looked for, and how to make one."""
    if content == "ec":
        content = generate_private_key(SECP256R1()).private_bytes(*PEM).decode()
    if content is not None:
        (tmp_path / "key").write_text(content)
    with pytest.raises(SigningKeyError) as caught:
        signer_of(f"file:{tmp_path}/key", Secrets())
    told = str(caught.value)
    assert told.startswith("audit.signing_key of fleet.yaml: ")
    assert "\n" not in told
    assert content is None or content[40:60] not in told or content == "nonsense"
