"""Whether a delivery is signed by who holds the secret, and signed lately.

Pure: the time is an argument, and so is the body as it came, byte for byte. One answer for all
that is wrong: a stranger learns nothing from how it was refused. What the schemes have in
common is HMAC-SHA256; they differ in what is signed.

*Sources:* https://www.standardwebhooks.com (`v1`); GitHub, "Validating webhook deliveries"; Slack,
"Verifying requests from Slack" (`v0`).
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence

from rota.hooks.spec import Scheme

WINDOW_SECONDS = 300
"""How far a signed time may lie from now, before or behind: what all who sign it recommend."""
MOST_SIGNATURES = 20
"""Signatures of one delivery that are looked at."""
_TIME = re.compile(r"[0-9]{1,12}")
_HEX = re.compile(rb"[0-9a-f]{64}")


def is_signed(
    scheme: Scheme, keys: Sequence[bytes], headers: Mapping[str, str], body: bytes, now: float
) -> bool:
    """Return whether one of `keys` signs the delivery, and its time is within the window.

    Args:
        scheme: What is signed, and where the signature stands.
        keys: The secrets, as they are used.
        headers: By their names in lower case.
        body: As it came.
        now: Seconds since the epoch.
    """
    match scheme:
        case Scheme.STANDARD:
            return _standard(keys, headers, body, now)
        case Scheme.GITHUB:
            given = _hex(headers, "x-hub-signature-256", "sha256=")
            return _any_signs(keys, body, given)
        case Scheme.SLACK:
            at = headers.get("x-slack-request-timestamp", "")
            given = _hex(headers, "x-slack-signature", "v0=")
            return _is_recent(at, now) and _any_signs(keys, f"v0:{at}:".encode() + body, given)


def _standard(keys: Sequence[bytes], headers: Mapping[str, str], body: bytes, now: float) -> bool:
    id, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    # What is signed is joined by dots: with one in the id, it could be cut into another delivery.
    if not id or "." in id or not _is_recent(at, now):
        return False
    # The way back to the bytes that came: headers are read as Latin-1.
    content = f"{id}.{at}.".encode("latin-1", errors="replace") + body
    given: list[bytes] = []
    for signature in headers.get("webhook-signature", "").split(" ")[:MOST_SIGNATURES]:
        version, comma, encoded = signature.partition(",")
        if version == "v1" and comma:
            try:
                given.append(base64.b64decode(encoded, validate=True))
            except (binascii.Error, ValueError):
                continue  # of a kind that is none of ours
    return _any_signs(keys, content, given)


def _hex(headers: Mapping[str, str], name: str, prefix: str) -> list[bytes]:
    value = headers.get(name, "").encode("latin-1", errors="replace")
    digest = value.removeprefix(prefix.encode())
    if digest == value or not _HEX.fullmatch(digest):
        return []
    return [bytes.fromhex(digest.decode())]


def _is_recent(at: str, now: float) -> bool:
    return _TIME.fullmatch(at) is not None and abs(now - int(at)) <= WINDOW_SECONDS


def _any_signs(keys: Sequence[bytes], content: bytes, given: Sequence[bytes]) -> bool:
    """Compare each with each: how long it takes says nothing of which one it was."""
    own = [hmac.new(key, content, hashlib.sha256).digest() for key in keys]
    found = [hmac.compare_digest(mine, theirs) for mine in own for theirs in given]
    return any(found)
