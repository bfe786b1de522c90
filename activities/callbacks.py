"""What a provider posts to an address that we gave it: who may, and where it is kept.

Worker side. A session's URL ends in a token: its place and that place's HMAC, so that nobody can
make one up, and a receiver needs no list of those it gave out. At one address the answer itself is
posted: the first body is kept in the object store, and whoever observes the session looks for it
there, on this worker or another. At the other one nothing is said but that there is something to
look at: see `activities.bells`. A token of one is none of the other's. A place is named by the run,
so that the answer goes when the run is erased or its retention is over.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field, replace

from activities.bells import ring, run_bell
from activities.stores.base import ObjectStore
from rota.runtime_specs.base import RuntimeSettings
from rota.runtimes.kind import Probe

PATH = "/callbacks"
WAKING = f"{PATH}/wake"
"""Where a call wakes whoever waits, and its body is no answer."""
SECRET_VARIABLE = "ROTA_CALLBACK_SECRET"
SHORTEST_SECRET = 16
"""Characters below which a secret could be found by trying."""
_ANSWERING, _WAKING = "callback", "wake"
"""What a token is for."""
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

    def waking_address(self, place: str) -> str:
        """Return the URL to give to a provider that only says that there is something to see."""
        return f"{self.url.rstrip('/')}{WAKING}/{place}-{self._sign(place, _WAKING)}"

    def place_of(self, token: str) -> str | None:
        """Return where the answer belongs; None if the token was not made here."""
        return self._place(token, _ANSWERING)

    def woken_by(self, token: str) -> str | None:
        """Return whose address a call came to; None if the token was not made here."""
        return self._place(token, _WAKING)

    def _place(self, token: str, purpose: str) -> str | None:
        found = _TOKEN.fullmatch(token)
        if found is None or not hmac.compare_digest(found[2], self._sign(found[1], purpose)):
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

    async def wake(self, place: str) -> bool:
        """Wake whoever waits there; returns whether anybody does."""
        return await ring(self.store, run_bell(place))

    def _sign(self, place: str, purpose: str = _ANSWERING) -> str:
        text = f"rota {purpose} {place}".encode()
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
    f"this worker takes no callbacks: start the fleet's workers with {SECRET_VARIABLE} set and "
    "gateway.url in fleet.yaml (or --callback-url https://PUBLIC-HOST), and a gateway with that "
    "secret, or at least one worker with --callbacks HOST:PORT"
)
"""Why an agent that needs them cannot run here."""


def reminded(probe: Probe, settings: RuntimeSettings) -> Probe:
    """Add to what a doctor has found that workers are to give out an address: it is no worker."""
    if not probe.ok or settings.callback_key is None or offered() is not None:
        return probe
    need = f"its workers need {SECRET_VARIABLE}, and gateway.url or --callback-url"
    return replace(probe, found=f"{probe.found}; {need}")
