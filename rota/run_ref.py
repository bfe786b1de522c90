"""The name of one run, for whoever has to do with it: keepers, locks, accounts."""

from pydantic import Field

from rota.model import Record


class RunRef(Record):
    """Names one run for good, across its own continue-as-new."""

    id: str = Field(min_length=1, max_length=1000)
    """Workflow id; no server takes a longer one."""
    key: str = Field(min_length=1, max_length=1000)
    """Run id of the first execution in the chain: a re-used workflow id gets a new one."""
