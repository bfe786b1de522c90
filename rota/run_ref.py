"""The name of one run, for whoever has to do with it: keepers, locks, accounts."""

from pydantic import Field

from rota.model import Record
from rota.usage import Usage


class RunRef(Record):
    """Names one run for good, across its own continue-as-new."""

    id: str = Field(min_length=1, max_length=1000)
    """Workflow id; no server takes a longer one."""
    key: str = Field(min_length=1, max_length=1000)
    """Run id of the first execution in the chain: a re-used workflow id gets a new one."""


class Suspects(Record):
    """Runs of which somebody wants to know whether they have ended."""

    runs: tuple[RunRef, ...]
    with_use: bool = True
    """Whether also what each has used is wanted, as far as the store has it on record."""


class ClosedRun(RunRef):
    """A run that has ended, and what the store has on record of its use.

    Whoever settles tells that itself. Of one that is gone without a word nobody else knows.
    """

    used: Usage = Usage()
    """Its answers, and the attempts whose end nobody saw."""

    @property
    def ref(self) -> RunRef:
        """The name alone."""
        return RunRef(id=self.id, key=self.key)
