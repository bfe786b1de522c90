"""What a workflow asks of the server: as a history has it, and as today's code would. Pure.

Temporal's replay compares the kind and the order of what a workflow asks for, and nothing of
what it says: with another prompt, timeout or argument it stays green. The comparison here is of
all that is said.
"""

from enum import StrEnum
from typing import Any

from pydantic import Field

from rota.checks.json_changes import Change, json_changes
from rota.model import Record

NOTHING = "nothing"
"""Said of what was left out where the server fills in nothing."""


class Asked(Record):
    """One thing that a workflow asked for, or its answer to an update."""

    kind: str
    key: str
    """The same on both sides, and in one execution once for each kind."""
    label: str
    """One line for people."""
    event: int = 0
    """Of the history; 0 of what today's code asks for."""
    says: dict[str, Any] = Field(default_factory=dict[str, Any])
    """All that is said with it, as JSON. What is None was left to the server, which fills it in;
    where it does not, it is `NOTHING`."""


class Drift(Record):
    """Something that today's code would say otherwise, where it still does the same."""

    where: str
    """What it belongs to: `activity invoke_model`, `declaration`, `opening message`."""
    event: int | None = None
    """Of the history; None of what no event holds."""
    path: str
    change: Change
    before: Any = None
    after: Any = None


class ReplayVerdict(StrEnum):
    """What became of one replay."""

    SAME = "same"
    """Today's code does what was recorded, and says the same."""
    DRIFT = "drift"
    """It does the same, and says something else."""
    NONDETERMINISTIC = "nondeterministic"
    """It does something else: every open run like this one would get stuck."""
    ERROR = "error"
    """It could not be replayed at all."""

    @property
    def bad(self) -> bool:
        """True if a deployment would harm runs like this one."""
        return self in (ReplayVerdict.NONDETERMINISTIC, ReplayVerdict.ERROR)


class Place(Record):
    """Where today's code leaves what was recorded."""

    event: int
    recorded: str
    """What the history has there."""
    wanted: tuple[str, ...]
    """What the code asks for instead, in its order."""
    said: str
    """Temporal's own words."""


class Replayed(Record):
    """One history, replayed."""

    workflow_id: str
    run_id: str
    workflow_type: str
    events: int
    verdict: ReplayVerdict
    place: Place | None = None
    """Of one that is nondeterministic."""
    reason: str = ""
    """Why it could not be replayed."""
    drift: tuple[Drift, ...] = ()
    note: str = ""
    """What could not be compared, and why; empty if everything was."""


def drift_of(recorded: list[Asked], wanted: list[Asked]) -> list[Drift]:
    """What is said otherwise, in the order of the history.

    What only one side has is not told here: what today's code does not do any more is no drift,
    and what it does beyond the end of the history nobody can compare.
    """
    today = {(each.kind, each.key): each for each in wanted}
    found: list[Drift] = []
    for each in recorded:
        now = today.get((each.kind, each.key))
        if now is not None:
            found += _differences(each, now)
    return found


def _differences(before: Asked, now: Asked) -> list[Drift]:
    # A value that is left to the server is in the history as the server has filled it in.
    said = {key: before.says.get(key) for key, value in now.says.items() if value is not None}
    says = {key: value for key, value in now.says.items() if value is not None}
    return [
        Drift(
            where=before.label,
            event=before.event,
            path=change.path,
            change=change.change,
            before=change.before,
            after=change.after,
        )
        for change in json_changes(said, says)
    ]
