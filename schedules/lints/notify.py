"""What a fleet's `notify` blocks need that its files do not have. Pure."""

from collections.abc import Iterator

from rota.agent_spec import AgentSpec
from rota.connections import undeclared
from rota.fleet_file import FleetFile
from rota.notices.spec import NotifySpec, Occasion
from schedules.declaration_errors import KeyPath
from schedules.declared import Declaration, DeclaredTeam
from schedules.remarks import Remark


def notify_entries(declared: Declaration | DeclaredTeam) -> Iterator[tuple[KeyPath, NotifySpec]]:
    """Yield each entry that says whom to tell, with its place; escalations of approvals, too.

    Those that its team has filled in are the team's.
    """
    if ("notify",) in declared.document.lines:
        for index, entry in enumerate(declared.spec.notify or ()):
            yield ("notify", index), entry
    for path, entry in _escalations(declared):
        yield path, entry


def notify_remarks(declared: Declaration | DeclaredTeam, file: FleetFile) -> Iterator[Remark]:
    """Yield what keeps the entries of one declaration from telling anybody."""
    for path, entry in notify_entries(declared):
        if entry.email and not file.declares("email"):
            message = undeclared("notify.email", "email")
            yield Remark("error", (*path, "email"), message)
        doubled = sorted({each.value for each in entry.on if entry.on.count(each) > 1})
        if doubled:
            message = f"{', '.join(doubled)} is named twice; once is enough"
            yield Remark("warning", (*path, "on"), message)
    for path, entry in _escalations(declared):
        if not entry.wants(Occasion.AWAITING_APPROVAL):
            message = (
                f"tells nobody: an escalation is told as {Occasion.AWAITING_APPROVAL.value}; add "
                "that, or leave on out"
            )
            yield Remark("error", (*path, "on"), message)


def _escalations(declared: Declaration | DeclaredTeam) -> Iterator[tuple[KeyPath, NotifySpec]]:
    if not isinstance(declared.spec, AgentSpec):
        return
    for key, rule in declared.spec.approvals.items():
        for index, entry in enumerate(rule.escalate.notify if rule.escalate else ()):
            yield ("approvals", key, "escalate", "notify", index), entry
