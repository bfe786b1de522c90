"""Encrypts what the archive keeps of a run: AES-256-GCM under a key of that run alone.

Activity side, for `cryptography`. The nonce derives from key and plain text, so that the same
content gives the same bytes, whose digest is their address: an attempt that died in the middle
leaves nothing twice. A nonce is used again for the same text alone, which tells nobody anything.
"""

import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rota.audit.content_key import encryption_key

NONCE_BYTES = 12


class DamagedContentError(Exception):
    """The content of an archive was changed, or belongs to another key."""


def locked(content: bytes, secret: bytes, run_key: str) -> bytes:
    """Encrypt the content of the run `run_key`; `secret` is its `ContentKey.secret`."""
    nonce = hmac.new(secret, b"nonce" + hashlib.sha256(content).digest(), hashlib.sha256).digest()
    nonce = nonce[:NONCE_BYTES]
    return nonce + AESGCM(encryption_key(secret)).encrypt(nonce, content, run_key.encode())


def unlocked(data: bytes, secret: bytes, run_key: str) -> bytes:
    """Decrypt what `locked` gave.

    Raises:
        DamagedContentError: it is not what was encrypted for this run with this key.
    """
    cipher = AESGCM(encryption_key(secret))
    try:
        return cipher.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], run_key.encode())
    except (InvalidTag, ValueError) as error:
        raise DamagedContentError(f"the archived content of {run_key} is damaged") from error
