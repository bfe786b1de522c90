"""Bells: how a provider's call wakes the step that watches its session, on whichever worker.

Activity side, over the object store, where gateways and workers meet. A bell hangs as long as a
session is watched; who takes a provider's call in rings it, and the step that watches listens. It
carries no news: whoever hears it asks the provider, so a call that was forged, repeated or comes
late costs a look at most. Where no bell hangs nothing is kept. One that a killed worker left hangs
on, and who takes over begins with a look. A call that is taken in as the bell is taken down hangs
it anew, so it is taken down once more where the session is done with.
"""

import logging
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from activities.safekeeping import kept
from activities.stores.base import ObjectStore, StoreError
from rota.runtime_specs.base import CalledBy, SessionSettings
from rota.runtimes.session import ProviderSession, SessionRequest

_SILENT = b"hung"
_log = logging.getLogger("rota.callbacks")


class Bell:
    """The bell of one session that is watched.

    Args:
        store: Where it hangs.
        name: `run_bell` or `session_bell`.
    """

    def __init__(self, store: ObjectStore, name: str) -> None:
        self._store = store
        self._name = name
        self._heard = _SILENT
        self._is_lost = False

    async def hang(self) -> None:
        """Hang it, or take over the one that hangs. What it rang before counts as heard.

        Raises:
            StoreError: the store does not answer.
        """
        self._heard = await kept(
            lambda: self._store.set_ref(self._name, _SILENT, if_absent=True),
        )

    async def rung(self) -> bool:
        """Return whether it has rung since it was hung, or heard last.

        While the store does not answer it has not: whoever listens looks now and then anyhow.
        """
        try:
            value = await self._store.get_ref(self._name)
            if value is None:  # taken down by another attempt, which is over
                await self._store.set_ref(self._name, _SILENT, if_absent=True)
                return False
        except StoreError as error:
            if not self._is_lost:
                _log.warning("callbacks cannot be heard for now: %s", error)
            self._is_lost = True
            return False
        self._is_lost = False
        before, self._heard = self._heard, value
        return value not in (before, _SILENT)

    async def take_down(self) -> None:
        """Take it down: from now on nothing is kept for it."""
        try:
            await self._store.delete_ref(self._name)
        except StoreError as error:
            _log.warning("a bell was left hanging, which does no harm: %s", error)


_listening: ContextVar[Bell | None] = ContextVar("_listening", default=None)


@asynccontextmanager
async def listening(bell: Bell | None) -> AsyncGenerator[None]:
    """Hang a bell for whoever watches within the block; None: nobody calls."""
    if bell is None:
        yield
        return
    await bell.hang()
    token = _listening.set(bell)
    try:
        yield
    finally:
        _listening.reset(token)
        await bell.take_down()


def listened_to() -> Bell | None:
    """Return the bell of the session that is watched here, if its provider calls."""
    return _listening.get()


async def ring(store: ObjectStore, name: str, call: str = "") -> bool:
    """Ring a bell; returns whether it hangs.

    Idempotency: by `call`, what tells this call from others; empty: every call is another one.

    Raises:
        StoreError: the store does not answer; to be repeated.
    """
    if await store.get_ref(name) is None:
        return False
    await store.set_ref(name, (call or secrets.token_hex(8)).encode())
    return True


async def done_with(bell: Bell | None) -> None:
    """See that none is left of a session that has ended or was stopped."""
    if bell is not None:
        await bell.take_down()


def run_bell(place: str) -> str:
    """Name the bell of a run's session; `place` is `SessionRequest.inbox`."""
    return f"bells/{place}"


def session_bell(kind: str, session: str) -> str:
    """Name the bell of a session by what its provider calls it."""
    return f"bells/{kind}/{session}"


def bell_of(
    store: ObjectStore, settings: SessionSettings, session: ProviderSession, request: SessionRequest
) -> Bell | None:
    """Return the bell of a session; None if its provider does not call."""
    match settings.called_by:
        case CalledBy.RUN:
            return Bell(store, run_bell(request.inbox))
        case CalledBy.SESSION:
            return Bell(store, session_bell(session.kind, session.id))
        case None:
            return None
