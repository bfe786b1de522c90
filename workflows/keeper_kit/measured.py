"""How a keeper is read for metrics: by a query, which leaves no trace in its history."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from rota.keeper_state import KeeperState
    from rota.readings import KeeperReading


class Measured:
    """A keeper's part that tells its sums."""

    _state: KeeperState

    @workflow.query(description="Its metrics: sums since the first declaration, limits, open runs.")
    def reading(self) -> KeeperReading:
        """What Prometheus is told of the agent."""
        return KeeperReading.of(self._state, workflow.now())
