"""What is on record of a run's session, so that no step with it has its effect twice.

Activity side. Every record is made once: of two attempts that come back with different
news (one was taken for dead and was not) the first stands, and both answer with it. Marks
are set before a call and taken back when it certainly had no effect; one that is left over
says that the provider may have worked although nobody saw its answer.
"""

import json
from enum import StrEnum

from temporalio import activity

from activities.documents import get_node, put_record
from activities.stores.base import ObjectStore
from rota.conversation import Message, ToolResult
from rota.keepers.admission import RunRef
from rota.model import Record, canonical_json
from rota.runtimes.session import Collected, ProviderSession, Resumed
from rota.runtimes.session import Told as Answer
from rota.steps import Observed
from rota.turns.loop import TurnOutcome


class CallState(StrEnum):
    """How a call stands that is the work itself. One that has ended is not on record."""

    UNDER_WAY = "under way"
    LEFT = "left"
    """Nobody listens to it any more, and it may go on."""


class Seen(Record):
    """What a look came to."""

    observed: Observed
    final: str | None = None
    """Digest of the answer (`Collected`), where the provider gives it only once."""


class Told(Record):
    """What a session was told, in words of the transcript."""

    session: ProviderSession
    messages: tuple[Message, ...]


class SessionLog:
    """The record of one run's session. All methods are safe to repeat."""

    def __init__(self, store: ObjectStore, run: RunRef) -> None:
        self._store = store
        self._root = f"sessions/{run.key}"
        # Where `activities.paid_calls` looks for what may have been billed.
        self._attempts = f"attempts/{run.key}"

    async def handle(self) -> ProviderSession | None:
        """The session, once it is started."""
        value = await self._store.get_ref(f"{self._root}/handle")
        return None if value is None else ProviderSession.model_validate_json(value)

    async def start(self, session: ProviderSession) -> ProviderSession:
        """Record the session; returns the one on record, which is another's if that was first."""
        value = canonical_json(session.model_dump(mode="json"))
        kept = await self._store.set_ref(f"{self._root}/handle", value, if_absent=True)
        return ProviderSession.model_validate_json(kept)

    async def end(self) -> None:
        """Note that the run ends without a session that it knows of: none may be started."""
        await self._store.set_ref(f"{self._root}/ended", b"")

    async def has_ended(self) -> bool:
        """True once nobody would watch, or stop, a session that is started now."""
        return await self._store.get_ref(f"{self._root}/ended") is not None

    async def call(self, turn: int, look: int, stands: CallState | None) -> None:
        """Note how this attempt's call stands; None: it has ended."""
        name = f"{self._root}/calls/{turn}/{look}/{activity.info().attempt}"
        if stands is None:
            await self._store.delete_ref(name)
        else:
            await self._store.set_ref(name, stands.encode())

    async def calls(self) -> list[CallState]:
        """How the calls of all attempts stand that are not known to have ended."""
        names = await self._store.list_refs(f"{self._root}/calls")
        found = [await self._store.get_ref(name) for name in names]
        return [CallState(value.decode()) for value in found if value is not None]

    async def leave_calls(self) -> None:
        """Note that nobody listens any more to any of them."""
        for name in await self._store.list_refs(f"{self._root}/calls"):
            await self._store.set_ref(name, CallState.LEFT.encode())

    async def mark(self, turn: int, what: str) -> None:
        """Note that this attempt is about to call the provider."""
        await self._store.set_ref(self._mark(turn, what), b"sent")

    async def unmark(self, turn: int, what: str) -> None:
        """Take the note back: the call certainly had no effect."""
        await self._store.delete_ref(self._mark(turn, what))

    async def marks(self, turn: int, what: str) -> list[str]:
        """Notes of attempts whose end nobody saw; this attempt's own is among them."""
        return await self._store.list_refs(f"{self._attempts}/{turn}/{what}")

    async def clear(self, turn: int, what: str) -> None:
        """Take back the notes of all attempts: what they came to is known."""
        for name in await self.marks(turn, what):
            await self._store.delete_ref(name)

    async def looks(self, turn: int) -> list[str]:
        """Notes of all looks of a turn whose end nobody saw."""
        root = f"{self._attempts}/{turn}"
        names = await self._store.list_refs(root)
        return [name for name in names if name.removeprefix(f"{root}/").startswith("look-")]

    async def clear_looks(self, turn: int) -> None:
        """Take back the notes of all looks of a turn."""
        for name in await self.looks(turn):
            await self._store.delete_ref(name)

    async def seen(self, turn: int, look: int) -> Seen | None:
        """What a look came to, if that is on record."""
        value = await self._store.get_ref(f"{self._root}/seen/{turn}/{look}")
        return None if value is None else Seen.model_validate_json(value)

    async def see(self, turn: int, look: int, observed: Observed, final: Collected | None) -> Seen:
        """Record what a look came to; returns what is on record."""
        digest = await put_record(self._store, final) if final is not None else None
        value = canonical_json(Seen(observed=observed, final=digest).model_dump(mode="json"))
        name = f"{self._root}/seen/{turn}/{look}"
        return Seen.model_validate_json(await self._store.set_ref(name, value, if_absent=True))

    async def final(self, turn: int, look: int) -> Collected | None:
        """The answer that came with a look, if it did."""
        seen = await self.seen(turn, look)
        if seen is None or seen.final is None:
            return None
        return Collected.model_validate_json(await self._store.get(seen.final))

    async def told(self, turn: int, what: str) -> Told | None:
        """What the session was told, if that is on record; `what` is its digest."""
        value = await self._store.get_ref(f"{self._root}/told/{turn}/{what}")
        if value is None:
            return None
        return Told.model_validate_json(await self._store.get(json.loads(value)["told"]))

    async def tell(self, turn: int, look: int, what: str, told: Told) -> None:
        """Record what the session was told before look `look`."""
        digest = await put_record(self._store, told)
        value = canonical_json({"look": look, "told": digest})
        await self._store.set_ref(f"{self._root}/told/{turn}/{what}", value, if_absent=True)

    async def all_told(self, turn: int) -> tuple[Message, ...]:
        """Everything the session was told in a turn, in order."""
        found: list[tuple[int, str]] = []
        for name in await self._store.list_refs(f"{self._root}/told/{turn}"):
            value = await self._store.get_ref(name)
            if value is not None:
                entry = json.loads(value)
                found.append((entry["look"], entry["told"]))
        messages: list[Message] = []
        for _, digest in sorted(found):
            told = Told.model_validate_json(await self._store.get(digest))
            messages.extend(told.messages)
        return tuple(messages)

    async def resumed(self, turn: int, head: str | None) -> Resumed | None:
        """What the session said when it stopped before this turn, and what it was told since.

        None before its first stop.
        """
        messages = await self.all_told(turn) if head is not None else ()
        if head is None or not messages:
            return None
        said = (await get_node(self._store, head)).reply
        results = tuple(b for m in messages for b in m.content if isinstance(b, ToolResult))
        words = None if results else messages[-1]
        return Resumed(said=said, told=Answer(message=words, results=results))

    async def collected(self, turn: int) -> TurnOutcome | None:
        """What the session's end came to, if that is on record."""
        value = await self._store.get_ref(f"{self._root}/collected/{turn}")
        return None if value is None else TurnOutcome.model_validate_json(value)

    async def outcomes(self) -> dict[int, TurnOutcome]:
        """What each turn of the session came to that has come to its end."""
        found: dict[int, TurnOutcome] = {}
        for name in await self._store.list_refs(f"{self._root}/seen"):
            turn, look = map(int, name.split("/")[-2:])
            seen = await self.seen(turn, look)
            if seen is not None and seen.observed.outcome is not None:
                found[turn] = seen.observed.outcome
        for name in await self._store.list_refs(f"{self._root}/collected"):
            turn = int(name.rsplit("/", 1)[1])
            outcome = await self.collected(turn)
            if outcome is not None:
                found[turn] = outcome
        return found

    async def collect(self, turn: int, outcome: TurnOutcome) -> TurnOutcome:
        """Record what the session's end came to; returns what is on record."""
        value = canonical_json(outcome.model_dump(mode="json"))
        name = f"{self._root}/collected/{turn}"
        kept = await self._store.set_ref(name, value, if_absent=True)
        return TurnOutcome.model_validate_json(kept)

    def _mark(self, turn: int, what: str) -> str:
        return f"{self._attempts}/{turn}/{what}/{activity.info().attempt}"
