"""AES-256-GCM with a fresh random nonce, bound to what the text belongs to.

Activity side, for `cryptography`. The nonces are 96 random bits: one key may seal 2^32 texts
before two of them meeting becomes likely enough to matter, which is when a key is long due to be
replaced.

*Source:* NIST SP 800-38D, 8.3.
"""

import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from activities.stores.base import KeyNeededError
from rota.security.keyring import Key

VERSION = "1"
"""Of everything sealed here; part of what each text is bound to."""
NONCE_BYTES = 12
TAG_BYTES = 16


class AlteredError(Exception):
    """The bytes, or what they are said to belong to, are not what was sealed."""


def missing(key_id: str, known: tuple[str, ...], what: str) -> KeyNeededError:
    """Return the error for `what`, sealed with a key that is not on the ring."""
    have = f"here are {', '.join(known)}" if known else "here are none"
    return KeyNeededError(
        f"{what} is encrypted with key {key_id}, which is not here ({have}): add that key to "
        "encryption.keys of fleet.yaml or ROTA_ENCRYPTION_KEYS; what needs it waits"
    )


def seal(key: Key, purpose: str, data: bytes, *belongs: str) -> bytes:
    """Seal `data`: nonce, then text and tag.

    Args:
        key: The key.
        purpose: Of the key; each has a key of its own derived.
        data: The plain bytes.
        belongs: What `unseal` must be told again, word by word.
    """
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _cipher(key, purpose).encrypt(nonce, data, _bound(key, purpose, belongs))


def unseal(key: Key, purpose: str, data: bytes, *belongs: str) -> bytes:
    """Return what was sealed.

    Raises:
        AlteredError: the bytes or the words differ from those that were sealed.
    """
    nonce, text = data[:NONCE_BYTES], data[NONCE_BYTES:]
    if len(text) < TAG_BYTES:
        raise AlteredError("it is cut short")
    try:
        return _cipher(key, purpose).decrypt(nonce, text, _bound(key, purpose, belongs))
    except InvalidTag:
        raise AlteredError("it was altered, or belongs elsewhere") from None


def _bound(key: Key, purpose: str, belongs: tuple[str, ...]) -> bytes:
    # With its length before each word, no two lists of words give the same bytes.
    words = ("rota", VERSION, purpose, key.id, *belongs)
    encoded = [word.encode(errors="surrogatepass") for word in words]
    return b"".join(len(word).to_bytes(4, "big") + word for word in encoded)


@lru_cache(maxsize=64)
def _cipher(key: Key, purpose: str) -> AESGCM:
    return AESGCM(key.derived(purpose))
