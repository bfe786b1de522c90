"""Names of encrypted objects: made from digests, and back, by those who have the key.

Pure. An object is found by the digest of its plain bytes, yet whoever lists a store must learn
nothing from it: a digest confirms a guess of what it names. So a name is the digest under a keyed
permutation, four rounds of Feistel's with HMAC-SHA-256 (Luby and Rackoff): equal bytes have equal
names, and nothing else can be told.
"""

import hashlib
import hmac
from collections.abc import Iterable

NAME_KEY_BYTES = 32
_HALF = 16
_ROUNDS = range(4)


def sealed_name(key: bytes, digest: str) -> str:
    """Return the name of the object with that digest; of the same form, 64 digits."""
    left, right = _halves(digest)
    for number in _ROUNDS:
        left, right = right, _mixed(key, number, left, right)
    return (left + right).hex()


def plain_digest(key: bytes, name: str) -> str:
    """Return the digest whose `sealed_name` is `name`."""
    left, right = _halves(name)
    for number in reversed(_ROUNDS):
        left, right = _mixed(key, number, right, left), left
    return (left + right).hex()


def _halves(name: str) -> tuple[bytes, bytes]:
    whole = bytes.fromhex(name)
    return whole[:_HALF], whole[_HALF:]


def _mixed(key: bytes, number: int, changed: bytes, other: bytes) -> bytes:
    pad = hmac.new(key, bytes([number]) + other, hashlib.sha256).digest()
    return _xor(zip(changed, pad[:_HALF], strict=True))


def _xor(pairs: Iterable[tuple[int, int]]) -> bytes:
    return bytes(one ^ other for one, other in pairs)
