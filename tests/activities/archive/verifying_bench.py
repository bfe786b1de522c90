"""An archive to tamper with, and checks of it."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from activities.audit.archive_progress import write_progress
from activities.audit.archive_store import get_archive, put_archive
from activities.audit.checkpointing import make_checkpoints
from activities.audit.verifying import PAUSE, Verifier, verified
from activities.stores.base import ObjectStore
from rota.archive import ArchiveProgress
from rota.audit.archived import ArchivedRun
from rota.audit.checkpoints import CHECKPOINTS
from rota.audit.seals import Signer
from rota.audit.statements import Trust
from rota.audit.verified import BrokenPlace, Verification
from tests.activities.archive.archive_bench import FLEET
from tests.activities.archive.memory_store import NOW, MemoryStore
from tests.rota.audit.audit_records import record, signer_of

SIGNER = signer_of(4)
TRUST = Trust({bytes.fromhex(SIGNER.key): ""})
PATIENCE = timedelta(minutes=1)


class Archive:
    """Of one agent: two runs a day, in a signed checkpoint of each."""

    def __init__(self, store: ObjectStore, trust: Trust = TRUST) -> None:
        self.store = store
        self.trust = trust
        self.now = NOW
        self.runs: list[ArchivedRun] = []

    async def grow(
        self, days: int = 2, signer: Signer | None = SIGNER, runs: int = 2, agent: str = "report"
    ) -> None:
        """Days of runs, the latest of them yesterday, and the checkpoints that are due."""
        for back in range(days, 0, -1):
            for _ in range(runs):
                made = record(len(self.runs) + 1, turns=1).model_copy(
                    update={"ended": self.now - timedelta(days=back), "agent": agent}
                )
                self.runs.append(await put_archive(self.store, made, FLEET))
        agents = {run.agent for run in self.runs}
        await make_checkpoints(self.store, signer, self.now.date(), self.now, agents)
        await write_progress(
            self.store, FLEET, ArchiveProgress(cursors=dict.fromkeys(agents, self.now))
        )

    async def check(
        self, written: Sequence[ArchivedRun] = (), patience: timedelta = PATIENCE
    ) -> Verification:
        """One check, later than the last."""
        self.now += PAUSE
        verifier = Verifier(self.store, FLEET, self.trust, self.now)
        return await verified(verifier, written, patience)

    async def broken(self, times: int = 1) -> list[str]:
        """What so many checks find, for people."""
        found: tuple[BrokenPlace, ...] = ()
        for _ in range(times):
            found = (await self.check()).broken
        return [f"{each.place.name}: {each.reason}" for each in found]

    async def reread(self, number: int) -> ArchivedRun:
        """What the archive has of a run now."""
        run = await get_archive(self.store, self.runs[number].run.key)
        assert run is not None
        return run


async def archive_of(days: int = 2, runs: int = 2) -> tuple[Archive, MemoryStore]:
    """One in memory."""
    store = MemoryStore()
    place = Archive(store)
    await place.grow(days, runs=runs)
    return place, store


def checkpoint_ref(day: date | datetime, agent: str = "report") -> str:
    """Where the checkpoint of a day is."""
    return f"{CHECKPOINTS}/{agent}/{day:%Y-%m-%d}"
