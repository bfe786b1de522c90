"""Fleets on disk for tests: one good agent, and ways to add a bad one."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from schedules.declaration_errors import DeclarationErrors
from schedules.fleet import load_fleet
from schedules.lints.all_of_them import lint

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
"""A Monday. When the lint is asked, unless a test says otherwise."""

GOOD = """\
name: report
runtime: {kind: anthropic, model: claude-haiku-4-5}
instructions: prompts/report.md
tools: [ledger.read, ledger.post]
output:
  schema: schemas/report.json
schedule:
  cron: "0 6 * * MON-FRI"
  timezone: Europe/Berlin
"""

AGENT = "name: x\nruntime: {kind: anthropic, model: m}\n"
"""The least an agent needs."""


def write_good_fleet(folder: Path) -> None:
    """Write a fleet of one good agent and the files it names."""
    write(folder, "agents/report.yaml", GOOD)
    write(folder, "prompts/report.md", "Report the numbers.\n")
    write(folder, "schemas/report.json", '{"type": "object", "required": ["total"]}')


def write(folder: Path, name: str, text: str) -> None:
    """Write one file of a fleet, with the folders above it."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def problems(folder: Path) -> list[str]:
    """Load a fleet that must not load; return what is said, line by line."""
    with pytest.raises(DeclarationErrors) as caught:
        load_fleet(folder)
    return str(caught.value).splitlines()


def findings(folder: Path, now: datetime = NOW) -> list[str]:
    """Lint a fleet that loads; return what is said, line by line."""
    return [str(finding) for finding in lint(load_fleet(folder), now)]


def problems_of(folder: Path, text: str) -> list[str]:
    """Load the fleet with one more file, `agents/x.yaml`."""
    write(folder, "agents/x.yaml", text)
    return problems(folder)
