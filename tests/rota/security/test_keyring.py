"""Keys as text, their ids, and the ring."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.security.keyring import KEY_BYTES, Key, KeyTextError, in_front, key_ring, keys_in

secrets = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES)
A, B = Key(b"a" * KEY_BYTES), Key(b"b" * KEY_BYTES)


@given(st.lists(secrets, min_size=1, max_size=4), st.sampled_from(["\n", " ", ",", ", ", "\n\n"]))
def test_keys_that_are_written_are_read_again(written: list[bytes], apart: str) -> None:
    """In their order, whatever stands between them."""
    text = apart.join(Key(secret).text for secret in written)
    assert [key.secret for key in keys_in(text)] == written


@given(secrets, secrets)
def test_id_stands_for_one_key(one: bytes, other: bytes) -> None:
    """It derives from the key, so equal ids are equal keys; and it holds nothing of it."""
    assert (Key(one).id == Key(other).id) == (one == other)
    assert Key(one).id.removeprefix("k-") not in one.hex()


def test_key_in_front_is_in_use_and_those_before_it_stay() -> None:
    """A file that is rotated twice has three keys, the newest first."""
    text = in_front(B, in_front(A, "", "first"), "second")
    ring = key_ring([text])
    assert (ring.active, ring.ids) == (B, (B.id, A.id))
    assert (ring.find(A.id), ring.find("k-000000000000")) == (A, None)


def test_ring_of_several_secrets_has_each_key_once() -> None:
    """The first key of the first secret is in use."""
    assert key_ring([A.text, f"{B.text} {A.text}"]).ids == (A.id, B.id)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "it holds no key"),
        ("# rota-key-" + "x" * 43, "it holds no key"),
        ("hunter2-hunter2", "word 1 is no key"),
        (f"{A.text} {B.text[:-1]}", "word 2 is no key"),
        (f"{A.text}x", "word 1 is no key"),
    ],
)
def test_what_is_no_key_is_told_without_being_shown(text: str, told: str) -> None:
    """A key with a typing error is still almost a key."""
    with pytest.raises(KeyTextError) as caught:
        keys_in(text)
    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert B.text[9:20] not in str(caught.value)


def test_key_is_not_shown_by_its_repr() -> None:
    """Logs and tracebacks print what they meet."""
    assert "aaaa" not in repr(key_ring([A.text]))
    assert A.derived("payload") != A.derived("object")
