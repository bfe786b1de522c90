"""Whether the checkpoints of agents are as they were, one by one, each with the one before it.

Activity side: reads, changes nothing.
"""

import asyncio
from collections.abc import Mapping

from activities.audit.run_checks import DAMAGE
from activities.stores.base import ObjectMissingError, ObjectStore
from rota.audit.checkpoints import CHECKPOINTS, SignedCheckpoint
from rota.audit.rows import row_problems
from rota.audit.statements import Trust
from rota.audit.verified import Tip


class CheckpointRows:
    """Reads them for one check, which lists the days of an agent once.

    Args:
        store: Where they lie.
        trust: Whose keys sign them.
        tips: By agent: the newest one that was seen, which must be as it was.
    """

    def __init__(self, store: ObjectStore, trust: Trust, tips: Mapping[str, Tip]) -> None:
        self._store = store
        self._trust = trust
        self._tips = tips
        self._listed: dict[str, list[str]] = {}
        self._last: tuple[str, SignedCheckpoint] | None = None
        """That which was read last, by its digest: of a busy day it is large, and all of its runs
        ask for it."""

    async def days(self, agent: str) -> list[str]:
        """Return the days of an agent's checkpoints, the oldest first."""
        if agent not in self._listed:
            top = f"{CHECKPOINTS}/{agent}"
            names = await self._store.list_refs(top)
            self._listed[agent] = sorted(name.removeprefix(f"{top}/") for name in names)
        return self._listed[agent]

    def forget(self, agent: str) -> None:
        """List its days anew."""
        self._listed.pop(agent, None)

    async def digest(self, agent: str, day: str) -> str | None:
        """Return the digest of a checkpoint; None if there is none."""
        value = await self._store.get_ref(f"{CHECKPOINTS}/{agent}/{day}")
        return None if value is None else value.decode(errors="replace")

    async def readable(self, agent: str, day: str) -> SignedCheckpoint | None:
        """Return a checkpoint; None if it cannot be read, which is told of that one by itself."""
        try:
            return await self._read(agent, day, anew=False)
        except DAMAGE:
            return None

    async def problem(self, agent: str, day: str) -> str:
        """Return what is wrong with a checkpoint; empty if it holds.

        Raises:
            StoreError: the store does not answer.
        """
        try:
            return await self._problem(agent, day)
        except DAMAGE as error:
            return " ".join(str(error).split()) or type(error).__name__

    async def _problem(self, agent: str, day: str) -> str:
        tip = self._tips.get(agent)
        digest = await self.digest(agent, day)
        if digest is None:
            return "it is not in the store any more"
        if tip is not None and tip.day == day and tip.digest != digest:
            return "another one was put in its place"
        told = await self._read(agent, day, anew=True)
        if (told.checkpoint.agent, told.checkpoint.day.isoformat()) != (agent, day):
            return "in its place stands the one of another agent or day"
        earlier = [each for each in await self.days(agent) if each < day]
        if not earlier and told.checkpoint.previous is not None:
            return "the one before it is not in the store any more"
        before = await self.readable(agent, earlier[-1]) if earlier else None
        row = [told] if before is None else [before, told]
        # Signatures are checked in plain Python, which takes its time.
        return next(iter(await asyncio.to_thread(row_problems, row, self._trust)), "")

    async def _read(self, agent: str, day: str, *, anew: bool) -> SignedCheckpoint:
        digest = await self.digest(agent, day)
        if digest is None:
            raise ObjectMissingError(f"no checkpoint of {agent} of {day}")
        if anew or self._last is None or self._last[0] != digest:
            data = await self._store.get(digest)
            self._last = digest, SignedCheckpoint.model_validate_json(data)
        return self._last[1]
