"""Answers that a provider posts to us: where to, who may, and where they are kept.

Worker side. A session's URL ends in a token: the place of its answer and that place's HMAC, so that
nobody can make one up, and a receiver needs no list of those it gave out. The first body for a
place is kept in the object store; whoever observes the session looks for it there, on this worker
or another. A place is named by the run, so that the answer goes when the run is erased or its
retention is over.
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
_TOKEN = re.compile(r"([\w.-]+/[0-9a-f]{64})-([0-9a-f]{64})")


@dataclass(frozen=True)
class Callbacks:
    """The callbacks of one worker."""

    store: ObjectStore
    url: str
    """Public address of the receivers, without `/callbacks`."""
    secret: str = field(repr=False)
    """The same for all workers of a fleet."""

    def address(self, place: str) -> str:
        """Return the URL to give to the provider; `place` is `SessionRequest.inbox`."""
        return f"{self.url.rstrip('/')}{PATH}/{place}-{self._sign(place)}"

    def place_of(self, token: str) -> str | None:
        """Return where the answer belongs; None if the token was not made here."""
        found = _TOKEN.fullmatch(token)
        if found is None or not hmac.compare_digest(found[2], self._sign(found[1])):
            return None
        return found[1]

    async def keep(self, place: str, body: bytes) -> bool:
        """Keep the answer, unless there is one already; return whether it is kept now.

        Idempotency: the first one stays, whatever comes later.
        """
        # Before it is stored: who repeats an answer must not fill the store.
        if await self.store.get_ref(_ref(place)) is not None:
            return False
        mine = (await self.store.put(body)).encode()
        return await self.store.set_ref(_ref(place), mine, if_absent=True) == mine

    async def delivered(self, place: str) -> bytes | None:
        """Return the answer, None if none has come yet."""
        digest = await self.store.get_ref(_ref(place))
        return None if digest is None else await self.store.get(digest.decode())

    def _sign(self, place: str) -> str:
        text = f"rota callback {place}".encode()
        return hmac.new(self.secret.encode(), text, hashlib.sha256).hexdigest()


def _ref(place: str) -> str:
    return f"callbacks/{place}"


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
    f"https://PUBLIC-HOST and {SECRET_VARIABLE} set, and a gateway with that secret, or at least "
    "one worker with --callbacks HOST:PORT"
)
"""Why an agent that needs them cannot run here."""
