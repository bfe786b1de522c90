"""A fleet checked as far as one can without a server: files, tools, and the lint's findings.

One function for `validate`, `plan`, `apply`, `dev` and `doctor`, so that what one of them
accepts, all do.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from activities.toolbox import Toolbox
from schedules.declaration_errors import DeclarationError, DeclarationErrors
from schedules.fleet import Fleet, load_fleet
from schedules.lints.all_of_them import lint
from schedules.remarks import Finding
from workers.approval_lint import approval_remarks
from workers.callback_lint import callback_remarks
from workers.grader_lint import grader_tools
from workers.key_checks import key_findings
from workers.policy_lint import policy_remarks
from workers.price_lint import price_remarks
from workers.promise_lint import promise_remarks


@dataclass(frozen=True)
class CheckedFleet:
    """A fleet that may be applied."""

    fleet: Fleet
    warnings: tuple[Finding, ...]
    """Valid, and worth a look."""
    notes: tuple[Finding, ...] = ()
    """Valid, and not to be told from the files alone."""
    connections: tuple[str, ...] = ()
    """Keys of `fleet.yaml` that its agents' tools work with, such as `github`."""


def check_fleet(folder: Path, now: datetime) -> CheckedFleet:
    """Load the fleet in `folder`, import its tools, lint it.

    Raises:
        DeclarationErrors: everything that is wrong.
        activities.tools.fleet.ToolLoadError: `tools.py` cannot be used.
    """
    fleet = load_fleet(folder)
    toolbox = Toolbox.open(folder, fleet.file)
    errors = fleet.check_tools(toolbox.names, toolbox.unconnected)
    findings = [
        *lint(fleet, now),
        *(
            remark.at(agent)
            for agent in fleet.agents.values()
            for remark in approval_remarks(agent.spec, toolbox)
        ),
        *(
            remark.at(agent)
            for agent in fleet.agents.values()
            for remark in (
                *price_remarks(agent.spec),
                *callback_remarks(agent.spec, fleet.file.gateway),
                *promise_remarks(agent.spec),
                *policy_remarks(agent.spec, toolbox),
            )
        ),
        *grader_tools(fleet, toolbox),
        *key_findings(fleet.file, folder),
    ]
    errors += [
        DeclarationError(finding.source, finding.line, finding.key, finding.message)
        for finding in findings
        if finding.level == "error"
    ]
    if errors:
        raise DeclarationErrors(errors)
    return CheckedFleet(
        fleet,
        warnings=tuple(f for f in findings if f.level == "warning"),
        notes=tuple(f for f in findings if f.level == "note"),
        connections=toolbox.connection_keys(
            tool for agent in fleet.agents.values() for tool in agent.spec.tools
        ),
    )
