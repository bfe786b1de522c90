"""What is checked of each table, as the agent's input declares it. Pure."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,60}$")]
"""Of a table or a column: it becomes part of an SQL statement, so it holds no quote."""
Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w{0,60}\.[A-Za-z_]\w{0,60}$")]


class CheckError(ValueError):
    """Declarations, a warehouse or a baseline that cannot be checked: for a person to mend."""


class CallError(ValueError):
    """A call at the wrong time, or about what is not there: for the model to mend."""


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TableChecks(_Declared):
    """The checks of one table."""

    loaded: Name | None = None
    """Column with the day on which a row was loaded. With it, the newest load is counted and
    must be of the night."""
    key: Name | None = None
    """No value twice."""
    nulls: dict[Name, float] = {}
    """Largest share of empty values in the newest load."""
    ranges: dict[Name, tuple[float, float]] = {}
    """Smallest and largest value."""
    references: dict[Name, Reference] = {}
    """Each value stands in another table's column, `zones.zone_id`."""
    means: tuple[Name, ...] = ()
    """The newest load's mean stays near the baseline's."""
    shares: tuple[Name, ...] = ()
    """The newest load's mix of values stays near the baseline's."""


class KnownFalsePositive(_Declared):
    """A finding that somebody has looked at, and that is none."""

    finding: str
    reason: str
    up_to: float
    """It is known up to this; beyond, it is reported after all. Days of `stale_days`; how far it
    has moved of `rows`, `mean` and `shares`; of all others the share of the rows."""


class Checks(_Declared):
    """Everything that the agent's input declares of a warehouse."""

    tables: dict[Name, TableChecks] = Field(min_length=1)
    known: tuple[KnownFalsePositive, ...] = ()

    def known_of(self, finding: str) -> KnownFalsePositive | None:
        """The declaration that stands for a finding, if there is one."""
        return next((known for known in self.known if known.finding == finding), None)


def read_checks(given: Mapping[str, Any]) -> Checks:
    """Read the declarations of a run's input.

    Raises:
        CheckError: they are none; the message names the place.
    """
    try:
        return Checks.model_validate(
            {key: given[key] for key in ("tables", "known") if key in given}
        )
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise CheckError(f"input.{place}: {first['msg']}; mend the agent's input") from error
