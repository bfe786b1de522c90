"""How a keeper knows what was in force when: its own declarations, and word of its schedule."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from rota.expected import in_force
    from rota.expected.in_force import Toggle
    from rota.keepers.state import KeeperState


class KnowsSchedule:
    """A keeper's part that remembers why slots were expected, or not.

    Messages: signal `schedule_toggled`; the same again changes nothing. A signal, so that
    whoever pauses a schedule needs no worker for it.
    """

    _state: KeeperState

    @workflow.signal(description="The schedule was paused or resumed (rota pause, rota apply).")
    def schedule_toggled(self, toggle: Toggle) -> None:
        """Note it with the time at which it was done."""
        self._remember(in_force.toggled(self._state.in_force, toggle))

    def _note_declared(self) -> None:
        """Note what is in force from now on."""
        now = workflow.now()
        self._remember(in_force.declared(self._state.in_force, self._state.spec, now))

    def _remember(self, chronicle: in_force.Chronicle) -> None:
        self._state = self._state.model_copy(update={"in_force": chronicle})
