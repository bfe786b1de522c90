"""`archive_runs`: closed runs are put away by a worker, as whoever looks after the fleet orders."""

from datetime import UTC, datetime

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from activities.audit.archiver import Archiver
from activities.audit.signing import SigningKeyError, signer_of
from activities.heartbeat import heartbeating
from activities.interface import Archiving
from activities.secrets import Secrets
from activities.stores.base import ObjectStore, StoreError
from rota.archive import ArchiveOrder, ArchiveReport
from rota.connections import Connections
from rota.failures import FailureCategory
from rota.fleet_file import FleetFile


class ArchivingActivities(Archiving):
    """Archives the runs of a namespace with what one worker's fleet declares."""

    def __init__(self, client: Client, store: ObjectStore, connections: Connections) -> None:
        self._client = client
        self._store = store
        self._connections = connections

    @activity.defn(name="archive_runs")
    async def archive_runs(self, order: ArchiveOrder) -> ArchiveReport:
        """Archive closed runs, the oldest first, and make the daily checkpoints that are due.

        A run that fails is in the report, and keeps no other back.

        Raises:
            ApplicationError: `transient`, retryable, of the store.
            temporalio.service.RPCError: the server does not answer; retryable.
        Idempotency: what is archived is passed over; a run's first archive stands.
        Heartbeat: every second, with how far it is.
        """
        signer, problem = None, ""
        if isinstance(self._connections, FleetFile):
            try:
                signer = signer_of(self._connections.audit.signing_key, Secrets())
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
        return done.model_copy(update={"problem": problem})
