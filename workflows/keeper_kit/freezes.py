"""How people freeze a keeper, and thaw it: the messages, and the wait for its end."""

from abc import ABC, abstractmethod
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from rota.keepers import freezing
    from rota.keepers.freeze import Freeze, FreezeChange, FreezeRequest
    from rota.keepers.state import KeeperState
    from rota.visibility import KEEPER_MEMO
    from workflows.keeper_kit.refusals import refusing
    from workflows.keeper_kit.showing import memo_of


class Freezable(ABC):
    """A keeper's part that knows of freezes.

    Messages: updates `freeze` and `thaw`, both idempotent: they tell the state before.
    """

    _state: KeeperState
    _listed: Freeze | None = None
    """The freeze that the memo shows."""

    @abstractmethod
    def _followed(self) -> None:
        """Note what a message has brought about; the loop carries it out."""

    @workflow.update(description="A person lets nothing new start (rota freeze).")
    def freeze(self, request: FreezeRequest) -> FreezeChange:
        """Turn newcomers away, and let those in the queues wait; orders wait, too."""
        with refusing():
            self._state, change = freezing.freeze(self._state, request, workflow.now())
        self._list()
        return change

    @workflow.update(description="A person lets runs start again (rota thaw).")
    def thaw(self, by: str) -> FreezeChange:
        """End the freeze; who waited for that goes on."""
        self._state, change = freezing.thaw(self._state, by, workflow.now())
        self._list()
        return change

    def _lift(self) -> None:
        """End a freeze whose time is over; asked for often, it does nothing most times."""
        self._state = freezing.lifted(self._state, workflow.now())
        self._list()

    def _pause(self, otherwise: timedelta | None) -> timedelta | None:
        """How long to wait at most: until the freeze is over, or as long as `otherwise`."""
        rest = freezing.rest(self._state, workflow.now())
        waits = [wait for wait in (rest, otherwise) if wait is not None]
        return min(waits, default=None)

    def _list(self) -> None:
        """Have lists of keepers show the freeze there is; one may have ended since."""
        if self._listed != self._state.freeze:
            self._listed = self._state.freeze
            workflow.upsert_memo({KEEPER_MEMO: memo_of(self._state)})
            self._followed()
