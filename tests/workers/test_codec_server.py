"""Payloads opened for people."""

import secrets
from pathlib import Path

import pytest
from temporalio.api.common.v1 import Payload

from activities.converter import data_converter
from activities.stores.payloads import PAYLOAD_THRESHOLD
from rota.security.keyring import Key
from tests.encrypted import encrypted_fleet, key, write_keys
from workers.codec_server import UNREADABLE, NamespaceUnknownError, PayloadReader
from workers.encryption import encryption_of, store_of
from workers.settings import Settings

LARGE = secrets.token_hex(PAYLOAD_THRESHOLD)


def settings(folder: Path, *keys: Key) -> Settings:
    """A process with those keys."""
    encrypted_fleet(folder, *keys)
    return Settings(folder, str(folder / "store"))


def reader(of: Settings) -> PayloadReader:
    """What the gateway would answer with."""
    return PayloadReader(store_of(of), encryption_of(of), "default")


async def test_page_of_payloads_is_opened_in_its_order(tmp_path: Path) -> None:
    """Encrypted ones, one that lies in the store, plain ones from before; as in the history."""
    process = settings(tmp_path, key(1))
    converter = data_converter(store_of(process), encryption_of(process))
    kept = [*await converter.encode(["small", LARGE]), Payload(data=b"{}")]
    kept[2].metadata["encoding"] = b"json/plain"
    assert kept[1].external_payloads
    shown = await reader(process).decode(kept, "default")
    assert [each.data for each in shown] == [b'"small"', f'"{LARGE}"'.encode(), b"{}"]
    assert {each.metadata["encoding"] for each in shown} == {b"json/plain"}
    assert [set(each.metadata) for each in shown] == [{"encoding"}] * 3


async def test_payload_that_cannot_be_opened_says_why_and_hides_no_other(tmp_path: Path) -> None:
    """A removed key, an altered text, an object that is gone: each comes back as it was."""
    process = settings(tmp_path, key(1))
    store = store_of(process)
    converter = data_converter(store, encryption_of(process))
    lost, altered, stored, well = await converter.encode(["a", "b", LARGE, "well"])
    write_keys(tmp_path / "keys", key(2))
    [lost] = await data_converter(None, encryption_of(process)).encode(["a"])
    write_keys(tmp_path / "keys", key(1))
    altered.data = altered.data[:-1] + bytes([altered.data[-1] ^ 1])
    for path in (tmp_path / "store" / "sealed").rglob("*/*"):
        path.unlink()
    shown = await reader(process).decode([lost, altered, stored, well], "default")
    reasons = [each.metadata.get(UNREADABLE, b"").decode() for each in shown]
    assert f"encrypted with key {key(2).id}, which is not here" in reasons[0]
    assert "cannot be opened in namespace default" in reasons[1]
    assert "no object" in reasons[2]
    assert (reasons[3], shown[3].data, shown[0].data) == ("", b'"well"', lost.data)


async def test_gateway_without_keys_names_the_key(tmp_path: Path) -> None:
    """It shows what is plain, and says what it lacks of the rest."""
    process = settings(tmp_path, key(1))
    kept = await data_converter(None, encryption_of(process)).encode(["x"])
    bare = PayloadReader(store_of(process), None, "default")
    [shown] = await bare.decode(kept, "default")
    assert key(1).id in shown.metadata[UNREADABLE].decode()


async def test_payloads_of_another_namespace_are_refused(tmp_path: Path) -> None:
    """Who may see this namespace is not asked for that one."""
    with pytest.raises(NamespaceUnknownError, match="namespace other is not served here"):
        await reader(settings(tmp_path, key(1))).decode([], "other")
