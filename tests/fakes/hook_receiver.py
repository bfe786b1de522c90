"""A receiver of webhooks on a real socket: keeps what comes, verifies it, goes down and up.

Verifies by an implementation of its own, HMAC included, so that a mistake in the sender's is
not repeated here.
"""

import base64
import hashlib
import json
import threading
import time
from dataclasses import dataclass
from typing import Any

from tests.fakes.loopback_fake import LoopbackFake
from tests.fakes.loopback_http import Connection, HttpRequest

TOLERANCE_SECONDS = 300
_BLOCK = 64


@dataclass(frozen=True)
class Received:
    """One message that was taken."""

    headers: dict[str, str]
    """Names in lower case."""
    raw: bytes

    @property
    def id(self) -> str:
        """What a receiver knows a repeated message by."""
        return self.headers["webhook-id"]

    @property
    def body(self) -> Any:
        """The JSON."""
        return json.loads(self.raw)

    @property
    def runs(self) -> list[str]:
        """The runs that its facts are about."""
        return [fact["run"] for fact in self.body["data"]["facts"]]

    @property
    def total(self) -> int:
        """How many facts it tells of, those only counted included."""
        return len(self.runs) + sum(self.body["data"]["omitted"].values())

    def is_signed_with(self, secret: str) -> bool:
        """Verify by the Standard Webhooks specification."""
        timestamp = self.headers["webhook-timestamp"]
        if abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
            return False
        content = b".".join([self.id.encode(), timestamp.encode(), self.raw])
        wanted = base64.b64encode(_hmac_sha256(base64.b64decode(secret[6:]), content)).decode()
        given = [part.split(",", 1) for part in self.headers["webhook-signature"].split(" ")]
        return ["v1", wanted] in given


def _hmac_sha256(key: bytes, content: bytes) -> bytes:
    """RFC 2104, written out."""
    padded = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded) + content).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in padded) + inner).digest()


class HookReceiver(LoopbackFake):
    """Takes what comes, unless told otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[Received] = []
        self.refused = 0
        """Requests that were not taken."""
        self.status = 200
        """What is answered; anything else takes nothing."""
        self.text = "ok"
        self.headers: dict[str, str] = {}
        self.is_down = False
        """Connections are reset before anything is answered."""
        self.loses_answers = False
        """What is taken is not confirmed: the connection is reset."""
        self.came = threading.Event()

    @property
    def url(self) -> str:
        """The whole address of the webhook."""
        return f"{super().url}/services/T0/B0/hidden-part"

    async def _handle(self, request: HttpRequest, connection: Connection) -> None:
        if self.is_down or self.status != 200:
            self.refused += 1
            if self.is_down:
                connection.reset()
            else:
                await connection.send(self.status, self.text.encode(), self.headers)
            return
        self.taken.append(Received(request.headers, request.body))
        self.came.set()
        if self.loses_answers:
            connection.reset()
            return
        await connection.send(200, self.text.encode(), {})
