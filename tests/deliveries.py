"""Deliveries of webhooks, signed as their senders sign them."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rota.hooks.spec import Scheme

RAW = b"twenty-four random bytes or more"
SECRETS = {
    Scheme.STANDARD: f"whsec_{base64.b64encode(RAW).decode()}",
    Scheme.GITHUB: RAW.decode(),
    Scheme.SLACK: RAW.decode(),
}
"""What is declared, by scheme; all of them use the key `RAW`."""


@dataclass(frozen=True)
class Posted:
    """What travels."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def but(self, *, body: bytes | None = None, **headers: str | None) -> "Posted":
        """The same with another body or other headers (`_` for `-`; None: without it)."""
        changed = {name.replace("_", "-"): value for name, value in headers.items()}
        merged = {**self.headers, **changed}
        kept = {name: value for name, value in merged.items() if value is not None}
        return Posted(self.body if body is None else body, kept)

    def having(self, name: str, value: str | None) -> "Posted":
        """The same with another header; None: without it."""
        return self.but(**{name: value})  # pyright: ignore[reportArgumentType]


def standard(id: str, body: bytes, at: int, key: bytes = RAW) -> Posted:
    """As Standard Webhooks has it."""
    digest = _digest(key, f"{id}.{at}.".encode() + body)
    signature = f"v1,{base64.b64encode(digest).decode()}"
    headers = {"webhook-id": id, "webhook-timestamp": str(at), "webhook-signature": signature}
    return Posted(body, headers)


def github(id: str, body: bytes, at: int, key: bytes = RAW) -> Posted:
    """As GitHub signs: the body alone."""
    headers = {
        "x-github-delivery": id,
        "x-github-event": "push",
        "x-hub-signature-256": f"sha256={_digest(key, body).hex()}",
    }
    return Posted(body, headers)


def slack(id: str, body: bytes, at: int, key: bytes = RAW) -> Posted:
    """As Slack signs; its id stands in the body."""
    signature = f"v0={_digest(key, f'v0:{at}:'.encode() + body).hex()}"
    return Posted(body, {"x-slack-request-timestamp": str(at), "x-slack-signature": signature})


SIGN: dict[Scheme, Callable[..., Posted]] = {
    Scheme.STANDARD: standard,
    Scheme.GITHUB: github,
    Scheme.SLACK: slack,
}


def now_signed(scheme: Scheme, id: str, document: Any) -> Posted:
    """A delivery of this moment, in JSON."""
    posted = SIGN[scheme](id, json.dumps(document).encode(), int(time.time()))
    return posted.but(content_type="application/json")


def _digest(key: bytes, content: bytes) -> bytes:
    return hmac.new(key, content, hashlib.sha256).digest()
