"""How a keeper is read for metrics: by a query, which leaves no trace in its history."""

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from rota.keepers.state import KeeperState
    from rota.metrics.readings import KeeperReading


class Measured:
    """A keeper's part that tells its sums."""

    _state: KeeperState

    @workflow.query(description="Its metrics: sums since the first declaration, limits, open runs.")
    def reading(self, now: datetime | None = None) -> KeeperReading:
        """What Prometheus is told of the agent.

        Args:
            now: For the windows of its budget. A workflow's own time stands still while nothing
                happens in it, and what was spent yesterday would be told as today's.
        """
        return KeeperReading.of(self._state, now or workflow.now())
