"""Fleets on disk with one pipeline, for tests of what the lint says of it."""

from pathlib import Path

from tests.schedules.fleet_folder import AGENT, findings, write

REPORT = (
    AGENT.replace("name: x", "name: report")
    + """\
output:
  schema:
    type: object
    properties:
      total: {type: number}
      rows: {type: array, items: {type: object, properties: {sku: {type: string}}}}
"""
)
"""An agent whose result has a known shape."""
FREE = AGENT.replace("name: x", "name: free")
"""An agent whose result may be anything."""
HEAD = "kind: Pipeline\nname: p\ninput: {region: eu, empty: null}\n"
SIX = 'schedule: {cron: "0 6 * * *", timezone: Europe/Berlin}\n'
ONE = "r: {agent: report}"


def nodes(*lines: str, head: str = HEAD) -> str:
    """A pipeline's document, one node per line; the first stands in line 5 below `HEAD`."""
    return f"{head}nodes:\n" + "".join(f"  {line}\n" for line in lines)


def lint_pipeline(folder: Path, document: str) -> list[str]:
    """Lint a fleet of both agents and one pipeline; notes are left out."""
    write(folder, "agents/a.yaml", f"{REPORT}---\n{FREE}")
    write(folder, "pipelines/p.yaml", document)
    return [line for line in findings(folder) if ": note: " not in line]
