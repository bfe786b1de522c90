"""Names of encrypted objects."""

from hypothesis import given
from hypothesis import strategies as st

from rota.security.sealed_names import NAME_KEY_BYTES, plain_digest, sealed_name

digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
keys = st.binary(min_size=NAME_KEY_BYTES, max_size=NAME_KEY_BYTES)


@given(keys, digests)
def test_name_leads_back_to_its_digest(key: bytes, digest: str) -> None:
    """And has the form of one, so that every store can hold it."""
    name = sealed_name(key, digest)
    assert plain_digest(key, name) == digest
    assert len(name) == 64
    assert set(name) <= set("0123456789abcdef")


@given(keys, keys, digests, digests)
def test_names_differ_where_keys_or_digests_do(
    key: bytes, other: bytes, digest: str, second: str
) -> None:
    """Two objects never share a name; another store's key tells nothing of this one's."""
    assert (sealed_name(key, digest) == sealed_name(key, second)) == (digest == second)
    assert (sealed_name(key, digest) == sealed_name(other, digest)) == (key == other)


def test_digests_that_begin_alike_have_names_that_do_not() -> None:
    """Nothing of a digest shows, neither of its beginning nor of its end."""
    key = b"n" * NAME_KEY_BYTES
    names = [sealed_name(key, f"{'0' * 62}{number:02x}") for number in range(64)]
    names += [sealed_name(key, f"{number:02x}{'0' * 62}") for number in range(1, 64)]
    assert len({name[:8] for name in names}) == len({name[-8:] for name in names}) == len(names)
