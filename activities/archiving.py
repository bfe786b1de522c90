"""`archive_runs`: closed runs are put away by a worker, as whoever looks after the fleet orders."""

from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from activities.audit.archiver import Archiver
from activities.audit.signing import SigningKeyError, signer_of
from activities.audit.verifying import Verifier, verified
from activities.heartbeat import heartbeating
from activities.interface import Archiving
from activities.secrets import Secrets
from activities.stores.base import ObjectStore, StoreError
from activities.stores.cache import CachedStore
from rota.archive import ArchiveOrder, ArchiveReport
from rota.audit.seals import Signer
from rota.audit.statements import NOBODY, Trust
from rota.audit.verified import Verification
from rota.connections import Connections
from rota.failures import FailureCategory
from rota.fleet_file import FleetFile

VERIFYING = timedelta(seconds=10)
"""Longest time of a check of the archive: it is bounded in requests, which may be slow."""
SHARE = 0.8
"""Of the attempt's time, after which no check of the archive goes on: what was put away is told."""


class ArchivingActivities(Archiving):
    """Archives the runs of a namespace with what one worker's fleet declares."""

    def __init__(self, client: Client, store: ObjectStore, connections: Connections) -> None:
        self._client = client
        self._store = store
        self._connections = connections

    @activity.defn(name="archive_runs")
    async def archive_runs(self, order: ArchiveOrder) -> ArchiveReport:
        """Archive closed runs, the oldest first, and make the daily checkpoints that are due.

        A run that fails is in the report, and keeps no other back. An order that resumes also
        verifies a part of what is archived.

        Raises:
            ApplicationError: `transient`, retryable, of the store.
            temporalio.service.RPCError: the server does not answer; retryable.
        Idempotency: what is archived is passed over; a run's first archive stands.
        Heartbeat: every second, with how far it is.
        """
        signer, problem, trust = None, "", NOBODY
        if isinstance(self._connections, FleetFile):
            try:
                signer = signer_of(self._connections.audit.signing_key, Secrets())
                trust = _trust(self._connections, signer)
            except SigningKeyError as error:
                # What is not put away is lost; what is not signed now is signed later.
                problem = str(error)
                order = order.model_copy(update={"checkpoints": False})
        archiver = Archiver(
            self._client, self._store, self._connections, signer, lambda: datetime.now(UTC)
        )
        async with heartbeating("looking for closed runs") as report:
            try:
                done = await archiver.work(order, report)
            except StoreError as error:
                raise ApplicationError(
                    f"the store failed: {error}", type=FailureCategory.TRANSIENT.value
                ) from error
            known = await self._verified(order, trust, archiver) if order.resume else None
        return done.model_copy(update={"problem": problem, "verification": known})

    async def _verified(
        self, order: ArchiveOrder, trust: Trust, archiver: Archiver
    ) -> Verification:
        """Look at a part of what lies in the archive, in the time that is left."""
        store = self._store
        fresh = store.fresh() if isinstance(store, CachedStore) else store
        now, info = datetime.now(UTC), activity.info()
        limit = info.start_to_close_timeout or VERIFYING
        left = info.started_time + SHARE * limit - now
        verifier = Verifier(fresh, order.fleet, trust, now)
        return await verified(verifier, archiver.written, max(timedelta(0), min(VERIFYING, left)))


def _trust(file: FleetFile, signer: Signer | None) -> Trust:
    """Whose keys sign, as `rota audit verify --fleet` has it."""
    old = {bytes.fromhex(each.key): each.until.isoformat() for each in file.audit.old_keys}
    return Trust({**old, **({bytes.fromhex(signer.key): ""} if signer else {})})
