"""Retention classes that a fleet's declarations name, and its `fleet.yaml` does not have. Pure."""

from collections.abc import Iterator

from rota.fleet_file import FleetFile
from schedules.declared import Declaration
from schedules.explain import suggest
from schedules.remarks import Remark


def retention_remarks(declared: Declaration, file: FleetFile) -> Iterator[Remark]:
    """Yield what is wrong with the class of one declaration: its runs would be kept for ever."""
    named, known = declared.spec.retention, file.audit.retention
    if named is not None and named not in known:
        message = f"no class '{named}' in audit.retention of fleet.yaml; {suggest(named, [*known])}"
        yield Remark("error", ("retention",), message)
