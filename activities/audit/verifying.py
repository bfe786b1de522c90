"""Verifies a fleet's archive by itself, a bounded part at each check, round after round.

Activity side. Looked at are, in this order: what did not hold before; runs that were just put away;
the newest checkpoints of some agents; then, from where the last check came to, checkpoint after
checkpoint with the runs that are in it. Where it has come to lies in the store, by the archives.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from activities.audit.archive_progress import read_progress
from activities.audit.archive_store import encoded
from activities.audit.checkpoint_rows import CheckpointRows
from activities.audit.run_checks import Judged, judge_run
from activities.stores.base import ObjectStore, StoreError
from rota.audit.archived import ArchivedRun
from rota.audit.hashing import erasure_key
from rota.audit.statements import Trust
from rota.audit.verified import (
    MOST_BROKEN,
    BrokenPlace,
    Place,
    Tip,
    Verification,
    VerifyProgress,
    What,
    verified_place,
)

PAUSE = timedelta(minutes=4)
"""Between two checks, however often closed runs are put away: below the five minutes of that."""
WRITTEN = 5
"""Runs of those just put away that one check reads back."""
TIPS = 10
"""Agents whose newest checkpoint one check looks at."""
DAYS = 5
"""Checkpoints of the round, and agents that have no more of them, in one check."""
RUNS = 10
"""Runs of the round in one check."""
REASON_LIMIT = 200


class Verifier:
    """Goes through the archive of one fleet.

    Args:
        store: Where it lies, without copies of one's own.
        fleet: Its name.
        trust: Whose keys sign checkpoints; nobody: a signature must hold by its own key.
        now: When the check began.
    """

    def __init__(self, store: ObjectStore, fleet: str, trust: Trust, now: datetime) -> None:
        self._store = store
        self._fleet = fleet
        self._now = now
        self._progress = VerifyProgress()
        self._tips: dict[str, Tip] = {}
        self._broken: dict[str, BrokenPlace] = {}
        self._rows = CheckpointRows(store, trust, self._tips)
        self._looked: set[str] = set()
        """Places that this check has looked at."""

    @property
    def has_looked(self) -> bool:
        """True once anything was looked at."""
        return bool(self._looked)

    async def resume(self) -> bool:
        """Find where the last check came to; False if it is too soon for another.

        Raises:
            StoreError: the store does not answer.
        """
        place = verified_place(self._fleet)
        try:
            value = await self._store.get_ref(place)
            if value is not None:
                self._progress = VerifyProgress.model_validate_json(value)
        except ValueError:
            # Of another version, or damaged: whoever begins anew finds again what is broken.
            self._progress = VerifyProgress()
        self._tips.update(self._progress.tips)
        self._broken = {each.place.name: each for each in self._progress.broken}
        last = self._progress.checked
        return last is None or self._now - last >= PAUSE

    async def work(self, written: Sequence[ArchivedRun]) -> None:
        """Look at what is due. May be cancelled anywhere: `save` keeps what was found by then.

        Args:
            written: Runs that were just put away.

        Raises:
            StoreError: the store does not answer.
        """
        self._moved(checked=self._now)
        for each in list(self._broken.values()):
            await self._judge(each.place)
        for run in written[:WRITTEN]:
            await self._judge(Place(what=What.RUN, agent=run.agent, key=run.run.key))
        known = await read_progress(self._store, self._fleet)
        agents = sorted({*known.cursors, *self._tips})
        if agents:
            await self._newest(agents)
            await self._round(agents)
        self._moved(at=self._now)

    async def save(self) -> None:
        """Remember where this check has come to.

        Raises:
            StoreError: the store does not answer.
        """
        self._moved(tips=self._tips, broken=tuple(self._broken.values()))
        await self._store.set_ref(verified_place(self._fleet), encoded(self._progress))

    def told(self, problem: str = "") -> Verification:
        """What the check has come to."""
        looked = [name.partition("/")[0] for name in self._looked]
        return Verification(
            at=self._progress.at,
            runs=looked.count(What.RUN),
            checkpoints=looked.count(What.CHECKPOINT),
            broken=tuple(sorted(self._broken.values(), key=lambda each: each.since)),
            problem=problem,
        )

    def _moved(self, **to: object) -> None:
        self._progress = self._progress.model_copy(update=to)

    async def _newest(self, agents: list[str]) -> None:
        """The newest checkpoint of the next few agents, and that it follows the last one seen."""
        turn = self._progress.turn
        turned = [name for name in agents if name > turn] + [n for n in agents if n <= turn]
        for agent in turned[:TIPS]:
            self._moved(turn=agent)
            days, tip = await self._rows.days(agent), self._tips.get(agent)
            if tip is not None and not await self._judge(_day(agent, tip.day)):
                continue
            if days and (tip is None or days[-1] > tip.day):
                place = _day(agent, days[-1])
                digest = await self._rows.digest(agent, days[-1])
                if await self._judge(place) and digest is not None:
                    self._tips[agent] = Tip(day=days[-1], digest=digest)

    async def _round(self, agents: list[str]) -> None:
        """Go on with the round, to its end at most."""
        runs = 0
        for _ in range(DAYS):
            here = self._progress
            agent = next((name for name in agents if name >= here.agent), "")
            if not agent:
                self._moved(agent="", day="", leaf=0)
                return
            if agent != here.agent:
                self._moved(agent=agent, day="", leaf=0)
                here = self._progress
            day = next((each for each in await self._rows.days(agent) if each >= here.day), "")
            if not day:
                later = next((name for name in agents if name > agent), "")
                self._moved(agent=later, day="", leaf=0)
                if not later:
                    return
                continue
            if day != here.day:
                self._moved(day=day, leaf=0)
            runs += await self._runs_of(agent, day, RUNS - runs)
            if runs >= RUNS:
                return

    async def _runs_of(self, agent: str, day: str, most: int) -> int:
        """A checkpoint, and at most so many of its runs; returns how many there were."""
        if self._progress.leaf == 0:
            await self._judge(_day(agent, day))
        checkpoint = await self._rows.readable(agent, day)
        leaf = self._progress.leaf
        leaves = checkpoint.runs[leaf : leaf + most] if checkpoint else ()
        for each in leaves:
            # First, so that one that takes too long holds up no other.
            self._moved(leaf=self._progress.leaf + 1)
            key = each.run.removeprefix(erasure_key(""))
            await self._judge(Place(what=What.RUN, agent=agent, day=day, key=key))
        if checkpoint is None or self._progress.leaf >= len(checkpoint.runs):
            # Whatever comes after that day: days are printed so that they sort.
            self._moved(day=f"{day}+", leaf=0)
        return len(leaves)

    async def _judge(self, place: Place) -> bool:
        """Look at a place, remember whether it holds, and say so."""
        judged = await self._look(place)
        if judged.problem:
            # It may just have been erased, or gone with its retention.
            self._rows.forget(place.agent)
            judged = await self._look(place)
        self._looked.add(place.name)
        self._moved(at=self._now)
        if not judged.problem:
            self._broken.pop(place.name, None)
            return True
        known = self._broken.get(place.name)
        if known is not None or len(self._broken) < MOST_BROKEN:
            self._broken[place.name] = BrokenPlace(
                place=known.place if known and not place.day else place,
                run_id=judged.run_id or (known.run_id if known else ""),
                reason=judged.problem[:REASON_LIMIT],
                since=known.since if known else self._now,
            )
        return False

    async def _look(self, place: Place) -> Judged:
        if place.what is What.CHECKPOINT:
            return Judged(await self._rows.problem(place.agent, place.day))
        checkpoint = await self._rows.readable(place.agent, place.day) if place.day else None
        return await judge_run(self._store, place.key, checkpoint)


async def verified(
    verifier: Verifier, written: Sequence[ArchivedRun], patience: timedelta
) -> Verification:
    """Make a check if one is due; say what is known. Never fails: the archive goes on without.

    Args:
        verifier: Of the archive.
        written: Runs that were just put away.
        patience: What it may take; the next check goes on from where this one came to.
    """
    problem = ""
    try:
        if await verifier.resume():
            try:
                async with asyncio.timeout(patience.total_seconds()):
                    await verifier.work(written)
            except TimeoutError:
                problem = "" if verifier.has_looked else "no time was left to verify the archive"
            finally:
                await verifier.save()
    except StoreError as error:
        problem = f"the archive could not be verified: {error}"[:REASON_LIMIT]
    return verifier.told(problem)


def _day(agent: str, day: str) -> Place:
    return Place(what=What.CHECKPOINT, agent=agent, day=day)
