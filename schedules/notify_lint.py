"""What a fleet's `notify` blocks need that its files do not have. Pure."""

from collections.abc import Iterator, Sequence

from rota.connections import undeclared
from rota.fleet_file import FleetFile
from rota.notify_spec import NotifySpec
from schedules.remarks import Remark


def notify_remarks(notify: Sequence[NotifySpec] | None, file: FleetFile) -> Iterator[Remark]:
    """Yield what keeps the entries of one declaration from telling anybody."""
    for index, entry in enumerate(notify or ()):
        if entry.email and not file.declares("email"):
            message = undeclared("notify.email", "email")
            yield Remark("error", ("notify", index, "email"), message)
        doubled = sorted({each.value for each in entry.on if entry.on.count(each) > 1})
        if doubled:
            message = f"{', '.join(doubled)} is named twice; once is enough"
            yield Remark("warning", ("notify", index, "on"), message)
