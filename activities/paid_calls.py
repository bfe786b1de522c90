"""Remember provider calls, so that none is paid for twice and none is forgotten.

Before a call a marker is set for this attempt, with what it may come to; after it the reply
is recorded and the markers that are left over count as *unknown*: attempts that may have been
billed although nobody saw their answer.
"""

import json
from collections.abc import Collection

from temporalio import activity

from activities.documents import get_node
from activities.stores.base import ObjectStore
from rota.budgets.reservations import Amount
from rota.model import canonical_json
from rota.run_ref import RunRef
from rota.usage import Usage

SENT = b"sent"
"""The marker of a call that nobody has estimated: one of a session."""
SUMMARY = 0
"""In place of a turn's number: the summary of the conversation that a run begins with."""


def _reply(run: RunRef, turn: int) -> str:
    return f"replies/{run.key}/{turn}"


async def recorded_node(store: ObjectStore, run: RunRef, turn: int) -> str | None:
    """Digest of the node that holds the answer to `turn` of a run; None if there is none."""
    value = await store.get_ref(_reply(run, turn))
    return None if value is None else str(json.loads(value)["node"])


async def unanswered_attempts(store: ObjectStore, run: RunRef, turn: int) -> Usage:
    """The attempts at `turn`, which the run never got an answer to: they may be billed."""
    return await _lost(store, await store.list_refs(f"attempts/{run.key}/{turn}"))


async def unanswered_summaries(store: ObjectStore, run: RunRef) -> Usage:
    """The attempts at the summary before the first turn, which never came: they may be billed."""
    if await store.get_ref(_reply(run, SUMMARY)) is not None:
        return Usage()  # those before the one that was answered are counted with it
    return await unanswered_attempts(store, run, SUMMARY)


async def answers(store: ObjectStore, run: RunRef) -> dict[int, Usage]:
    """What each turn of a run came to that was answered; its lost attempts are counted with it.

    Raises:
        StoreError: an answer is missing, or the store did not serve.
    """
    found: dict[int, Usage] = {}
    for name in await store.list_refs(f"replies/{run.key}"):
        value = await store.get_ref(name)
        if value is not None:
            node = await get_node(store, json.loads(value)["node"])
            found[int(name.rsplit("/", 1)[1])] = node.usage
    return found


async def unanswered(store: ObjectStore, run: RunRef, answered: Collection[int]) -> Usage:
    """The attempts of a run at any turn but those that were answered."""
    root = f"attempts/{run.key}/"
    markers = await store.list_refs(root.rstrip("/"))
    turns = (int(marker.removeprefix(root).split("/")[0]) for marker in markers)
    lost = [marker for marker, turn in zip(markers, turns, strict=True) if turn not in answered]
    return await _lost(store, lost)


async def _lost(store: ObjectStore, markers: list[str]) -> Usage:
    """What attempts may have come to whose end nobody saw."""
    values = [await store.get_ref(marker) for marker in markers]
    estimates = [Amount.model_validate_json(value) for value in values if value not in (None, SENT)]
    return Usage(
        unknown_attempts=len(markers),
        unknown_micros=sum(each.micros for each in estimates),
        unknown_tokens=sum(each.tokens for each in estimates),
    )


class PaidCalls:
    """The record of one turn of one run.

    Args:
        round: How often the turn was given to a runtime before; see `TurnInput.round`.
    """

    def __init__(self, store: ObjectStore, run: RunRef, turn: int, round: int = 0) -> None:
        self._store = store
        self._round = round
        self._reply = _reply(run, turn)
        self._attempts = f"attempts/{run.key}/{turn}"

    async def find(self, asked: str) -> str | None:
        """Digest of the node recorded for exactly this request, or None.

        Args:
            asked: What was asked, and of which runtime.
        """
        value = await self._store.get_ref(self._reply)
        if value is None:
            return None
        record = json.loads(value)
        # A reset run may ask something else at the same turn: that is a new call.
        return record["node"] if record["asked"] == asked else None

    async def begin(self, estimate: Amount) -> None:
        """Mark this attempt as sent, with what it comes to at most."""
        value = canonical_json(estimate.model_dump(mode="json"))
        await self._store.set_ref(self._marker(), value)

    async def abandon(self) -> None:
        """Take the mark back: the provider certainly did no work."""
        await self._store.delete_ref(self._marker())

    async def lost(self) -> Usage:
        """The earlier attempts, which may have been billed."""
        if activity.info().attempt == 1 and self._round == 0:
            return Usage()
        own = self._marker()
        markers = await self._store.list_refs(self._attempts)
        return await _lost(self._store, [marker for marker in markers if marker != own])

    async def record(self, asked: str, node: str) -> None:
        """Record the reply; from here on it is never asked for again."""
        value = json.dumps({"asked": asked, "node": node}).encode()
        await self._store.set_ref(self._reply, value)

    def _marker(self) -> str:
        # Attempts begin anew with each round; those of the rounds before count, too.
        return f"{self._attempts}/{self._round}-{activity.info().attempt}"
