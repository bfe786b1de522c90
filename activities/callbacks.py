"""Answers that a provider posts to us: where to, who may, and where they are kept.

Worker side. A session's URL ends in a token: the session's key and its HMAC, so that nobody
can make one up, and a receiver needs no list of those it gave out. The first body under a
key is kept in the object store; whoever observes the session looks for it there, on this
worker or another.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field

from activities.stores.base import ObjectStore

PATH = "/callbacks"
SECRET_VARIABLE = "ROTA_CALLBACK_SECRET"
SHORTEST_SECRET = 16
"""Characters below which a secret could be found by trying."""
_TOKEN = re.compile(r"([0-9a-f]{64})-([0-9a-f]{64})")


@dataclass(frozen=True)
class Callbacks:
    """The callbacks of one worker."""

    store: ObjectStore
    url: str
    """Public address of the receivers, without `/callbacks`."""
    secret: str = field(repr=False)
    """The same for all workers of a fleet."""

    def address(self, key: str) -> str:
        """Return the URL to give to the provider for the session with this key."""
        return f"{self.url.rstrip('/')}{PATH}/{key}-{self._sign(key)}"

    def key_of(self, token: str) -> str | None:
        """Return the session's key; None if the token was not made here."""
        found = _TOKEN.fullmatch(token)
        if found is None or not hmac.compare_digest(found[2], self._sign(found[1])):
            return None
        return found[1]

    async def keep(self, key: str, body: bytes) -> bool:
        """Keep the answer, unless there is one already; return whether it is kept now.

        Idempotency: the first one stays, whatever comes later.
        """
        # Before it is stored: who repeats an answer must not fill the store.
        if await self.store.get_ref(_ref(key)) is not None:
            return False
        mine = (await self.store.put(body)).encode()
        return await self.store.set_ref(_ref(key), mine, if_absent=True) == mine

    async def delivered(self, key: str) -> bytes | None:
        """Return the answer, None if none has come yet."""
        digest = await self.store.get_ref(_ref(key))
        return None if digest is None else await self.store.get(digest.decode())

    def _sign(self, key: str) -> str:
        text = f"rota callback {key}".encode()
        return hmac.new(self.secret.encode(), text, hashlib.sha256).hexdigest()


def _ref(key: str) -> str:
    return f"callbacks/{key}"


class _Offered:
    """What this process offers; one worker to a process."""

    callbacks: Callbacks | None = None


def offer(callbacks: Callbacks | None) -> None:
    """Let the runtimes of this process give out URLs; None takes that back."""
    _Offered.callbacks = callbacks


def offered() -> Callbacks | None:
    """Return the callbacks of this process, None if it was started without."""
    return _Offered.callbacks


MISSING = (
    "this worker takes no callbacks: start the fleet's workers with --callback-url "
    f"https://PUBLIC-HOST and {SECRET_VARIABLE} set, and at least one with --callbacks HOST:PORT"
)
"""Why an agent that needs them cannot run here."""
