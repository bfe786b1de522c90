"""Signatures checked in plain Python agree with the standard and with a library."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from rota.audit.ed25519 import public_key, signature_holds

VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]
"""RFC 8032, section 7.1, tests 1 to 3."""
ORDER = 2**252 + 27742317777372353535851937790883648493


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_signature_of_the_standard_holds(key: str, message: str, signature: str) -> None:
    """The standard's own examples."""
    given_ = bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature)
    assert signature_holds(*given_)
    assert not signature_holds(given_[0], given_[1] + b"!", given_[2])


@settings(max_examples=25)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=80), st.integers(0, 511))
def test_signature_of_a_library_holds_until_one_bit_is_turned(
    seed: bytes, message: bytes, bit: int
) -> None:
    """What `cryptography` signs holds; with any one bit turned it does not."""
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    signature = private.sign(message)
    assert signature_holds(public, message, signature)
    turned = bytearray(signature)
    turned[bit // 8] ^= 1 << bit % 8
    assert not signature_holds(public, message, bytes(turned))


def test_signature_in_another_form_of_the_same_number_does_not_hold() -> None:
    """Nobody makes a second signature from a first: the number must be below the group's order."""
    key, message, signature = (bytes.fromhex(part) for part in VECTORS[1])
    factor = int.from_bytes(signature[32:], "little") + ORDER
    assert not signature_holds(key, message, signature[:32] + factor.to_bytes(32, "little"))


@pytest.mark.parametrize("key", [b"", b"\xff" * 32, b"\x02" + bytes(31), bytes(31)])
def test_key_that_is_none_makes_no_signature_hold(key: bytes) -> None:
    """Too short, beyond the field, or no point of the curve."""
    assert not signature_holds(key, b"", bytes(64))


SMALL = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
]
"""The points of small order."""
NOBODYS = b"\x01" + bytes(63)
"""A signature without a secret."""


@pytest.mark.parametrize("key", SMALL)
def test_key_that_anybody_can_sign_for_is_none(key: str) -> None:
    """With one of them, what nobody signed would hold for one message in eight, or for all."""
    with pytest.raises(ValueError, match="no Ed25519 public key"):
        public_key(key)
    public = bytes.fromhex(key)
    assert not any(signature_holds(public, b"%d" % each, NOBODYS) for each in range(32))


def test_public_key_reads_pem_and_hexadecimal() -> None:
    """As openssl writes it, and as Rota prints it."""
    public = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
    raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    assert public_key(pem) == public_key(raw.hex()) == public_key(raw.hex() + "\n") == raw
    with pytest.raises(ValueError, match="no Ed25519 public key"):
        public_key("AAAA")
