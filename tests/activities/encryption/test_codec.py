"""Payloads under keys: what opens, what is refused, what waits."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload

from activities.converter import data_converter
from activities.encryption.codec import SALT, SealingCodec
from activities.encryption.encryption import Encryption
from activities.encryption.keys import REREAD_SECONDS, Keys
from activities.encryption.marks import FORM, KEY_ID, RefusedPayloadError, key_of, reason_in
from activities.secrets import Secrets
from activities.stores.base import KeyNeededError
from tests.encrypted import encryption_at, key, keys_at, write_keys

A, B = key(1), key(2)
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'{"iban":"DE02 1203"}')


@pytest.fixture(scope="module")
def codec(tmp_path_factory: pytest.TempPathFactory) -> SealingCodec:
    """A strict codec of one key."""
    return encryption_at(tmp_path_factory.mktemp("keys") / "keys", A).codec


payloads = st.builds(
    Payload,
    metadata=st.dictionaries(st.text(max_size=9), st.binary(max_size=20), max_size=3),
    data=st.binary(max_size=300),
)


@given(st.lists(payloads, max_size=3))
async def test_payloads_come_back_as_they_were(codec: SealingCodec, given: list[Payload]) -> None:
    """Whatever they are, and nothing of them shows on the way."""
    sealed = await codec.encode(given)
    assert await codec.decode(sealed) == given
    for each, hidden in zip(given, sealed, strict=True):
        assert len(each.data) < 8 or each.data not in hidden.data


@given(st.data())
async def test_payload_that_was_altered_anywhere_is_refused(
    codec: SealingCodec, data: st.DataObject
) -> None:
    """One bit of nonce, text or tag is enough; so is what is cut off or added."""
    [sealed] = await codec.encode([PLAIN])
    place = data.draw(st.integers(0, len(sealed.data) - 1))
    bit = data.draw(st.integers(0, 7))
    changed = bytearray(sealed.data)
    changed[place] ^= 1 << bit
    cut = data.draw(st.integers(0, len(sealed.data) - 1))
    for altered in (bytes(changed), sealed.data[:cut], sealed.data + b"\0"):
        [opened] = await codec.decode([Payload(metadata=sealed.metadata, data=altered)])
        reason = reason_in([opened])
        assert reason is not None
        assert f"encrypted with key {A.id} cannot be opened" in reason


def with_metadata(sealed: Payload, name: str, value: str) -> Payload:
    """The payload with other words beside it."""
    changed = Payload()
    changed.CopyFrom(sealed)
    changed.metadata[name] = value.encode()
    return changed


async def test_payload_of_another_namespace_key_id_or_form_is_refused(tmp_path: Path) -> None:
    """What it is bound to cannot be exchanged, even where the key is the same."""
    here = encryption_at(tmp_path / "keys", A, B)
    [sealed] = await here.codec.encode([PLAIN])
    there = Encryption(here.keys, "other").codec
    moved = [
        (there, sealed, "cannot be opened in namespace other"),
        (here.codec, with_metadata(sealed, KEY_ID, B.id), f"with key {B.id} cannot be opened"),
        (here.codec, with_metadata(sealed, FORM, "2"), "form '2'"),
    ]
    for codec, payload, told in moved:
        reason = reason_in(await codec.decode([payload]))
        assert reason is not None
        assert told in reason


async def test_nonces_are_never_the_same(codec: SealingCodec) -> None:
    """Equal payloads look different each time."""
    sealed = await codec.encode([PLAIN] * 200)
    assert len({each.data[:12] for each in sealed}) == 200


async def test_plain_payload_is_refused_where_all_must_be_encrypted(tmp_path: Path) -> None:
    """One clear failure, raised by whoever reads the value, not by the whole task."""
    strict = encryption_at(tmp_path / "keys", A)
    converter = data_converter(encryption=strict)
    plain = data_converter().payload_converter.to_payloads(["word"])
    with pytest.raises(RefusedPayloadError, match=r"not encrypted.*\(encryption.strict\)"):
        await converter.decode(plain)
    assert await data_converter(encryption=strict.lenient()).decode(plain) == ["word"]


async def test_process_without_keys_waits_for_them(tmp_path: Path) -> None:
    """Without keys an encrypted payload is no wrong input: it says which key it needs."""
    sealed = await data_converter(encryption=encryption_at(tmp_path / "keys", A)).encode(["x"])
    with pytest.raises(KeyNeededError, match=f"encrypted with key {A.id}, and no keys are known"):
        await data_converter().decode(sealed)


async def test_key_that_is_not_on_the_ring_is_named(tmp_path: Path) -> None:
    """And those that are; it may be added while the process lives."""
    file = tmp_path / "keys"
    [sealed] = await encryption_at(file, A).codec.encode([PLAIN])
    codec = encryption_at(file, B).codec
    with pytest.raises(KeyNeededError, match=f"key {A.id}, which is not here .here are {B.id}.:"):
        await codec.decode([sealed])
    write_keys(file, B, A)
    assert await codec.decode([sealed]) == [PLAIN]


async def used(codec: SealingCodec) -> str | None:
    """Id of the key that is in use."""
    [sealed] = await codec.encode([PLAIN])
    return key_of(sealed)


async def test_new_key_is_in_use_within_a_minute_and_a_broken_file_changes_nothing(
    tmp_path: Path,
) -> None:
    """No restart; and what is half-written, or gone, takes no key away."""
    now, file = [0.0], tmp_path / "keys"
    write_keys(file, A)
    codec = Encryption(Keys([f"file:{file}"], lambda: now[0]), "default").codec
    write_keys(file, B, A)
    assert await used(codec) == A.id
    now[0] += REREAD_SECONDS
    assert await used(codec) == B.id
    for spoil in (lambda: file.write_text("rota-key-ha"), file.unlink):
        spoil()
        now[0] += REREAD_SECONDS
        assert await used(codec) == B.id


async def test_stored_payload_is_named_by_what_only_the_key_tells(tmp_path: Path) -> None:
    """Equal payloads are stored once; whoever guesses one cannot tell by its digest."""
    codec, other = (encryption_at(tmp_path / each.id, each).codec for each in (A, B))
    [first], [second] = [await codec.uncovered(await codec.encode([PLAIN])) for _ in range(2)]
    [foreign] = await other.uncovered(await other.encode([PLAIN]))
    assert first == second
    assert first.metadata[SALT] != foreign.metadata[SALT]
    assert await codec.decode(await codec.covered([first])) == [PLAIN]


async def test_keys_are_cut_out_of_what_a_process_says(tmp_path: Path) -> None:
    """Each of them, although one secret holds several."""
    keys_at(tmp_path / "keys", key(7), key(8))
    assert key(8).text not in Secrets().redact(f"it is {key(8).text}")
