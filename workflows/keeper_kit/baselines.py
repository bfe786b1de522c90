"""How people judge results for the baseline of a session: the messages."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from rota.checks.baseline import BaselineRequest, BaselineState
    from rota.keepers import baselines as keeper_baselines
    from rota.keepers.state import KeeperState
    from workflows.keeper_kit.refusals import refusing


class KeepsBaselines:
    """A keeper's part that knows of baselines.

    Messages: updates `accept_baseline` and `reject_baseline`, idempotent by the result that
    they name; both answer what is known of the session's baseline then.
    """

    _state: KeeperState

    @workflow.update(description="A person accepts a result (rota baseline accept).")
    def accept_baseline(self, request: BaselineRequest) -> BaselineState:
        """Make the candidate the session's baseline, if it is still the one that is named."""
        with refusing():
            self._state, kept = keeper_baselines.accept(self._state, request, workflow.now())
        return kept

    @workflow.update(description="A person rejects a result (rota baseline reject).")
    def reject_baseline(self, request: BaselineRequest) -> BaselineState:
        """Drop the candidate, or take the baseline back."""
        with refusing():
            self._state, kept = keeper_baselines.reject(self._state, request, workflow.now())
        return kept
