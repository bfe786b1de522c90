"""Signatures of messages as Standard Webhooks has them: who receives one can trust it.

Source: https://www.standardwebhooks.com, scheme `v1` (HMAC-SHA256 over `id.timestamp.body`).
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable

from rota.failures import FailureCategory, StepError

PREFIX = "whsec_"
SHORTEST = 24
"""Bytes of a secret, as the specification asks."""


def key_of(secret: str, where: str) -> bytes:
    """Return the key that a secret holds: base64, with or without `whsec_` before it.

    Raises:
        StepError: `auth`: it is no base64, or short enough to be guessed. It is not shown.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < SHORTEST:
        raise StepError(
            FailureCategory.AUTH,
            f"{where} is no secret of a webhook: write {PREFIX} and {SHORTEST} or more random "
            "bytes in base64 ('openssl rand -base64 32' makes them)",
        )
    return key


def signed_headers(keys: Iterable[bytes], id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers that a receiver verifies; one signature for each key."""
    content = f"{id}.{timestamp}.".encode() + body
    digests = (hmac.new(key, content, hashlib.sha256).digest() for key in keys)
    return {
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(d).decode()}" for d in digests),
    }
