"""What a fleet's `notify` blocks need that its files do not have. Pure."""

from collections.abc import Iterator

from rota.connections import undeclared
from rota.fleet_file import FleetFile
from schedules.declared import Declaration, DeclaredTeam
from schedules.remarks import Remark


def notify_remarks(declared: Declaration | DeclaredTeam, file: FleetFile) -> Iterator[Remark]:
    """Yield what keeps the entries of one declaration from telling anybody.

    Those that its team has filled in are looked at where they stand.
    """
    if ("notify",) not in declared.document.lines:
        return
    for index, entry in enumerate(declared.spec.notify or ()):
        if entry.email and not file.declares("email"):
            message = undeclared("notify.email", "email")
            yield Remark("error", ("notify", index, "email"), message)
        doubled = sorted({each.value for each in entry.on if entry.on.count(each) > 1})
        if doubled:
            message = f"{', '.join(doubled)} is named twice; once is enough"
            yield Remark("warning", ("notify", index, "on"), message)
