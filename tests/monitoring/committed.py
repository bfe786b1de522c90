"""Boards, rules and runbooks as they are committed."""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.house.repository import ROOT

DASHBOARDS = ROOT / "deploy" / "grafana" / "dashboards"
PROMETHEUS = ROOT / "deploy" / "prometheus"
RUNBOOKS = ROOT / "docs" / "runbooks"


@dataclass(frozen=True)
class Shown:
    """One query of a panel."""

    board: str
    panel: str
    name: str
    """Of its series, or its column."""
    unit: str
    expression: str

    @property
    def place(self) -> str:
        """As a reader of a failure message wants it."""
        return f"{self.board}: {self.panel}: {self.name}"


def boards() -> list[dict[str, Any]]:
    """Every dashboard, by file."""
    return [json.loads(file.read_text()) for file in sorted(DASHBOARDS.glob("*.json"))]


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    """Panels that show something."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def shown() -> list[Shown]:
    """Every query of every board."""
    found: list[Shown] = []
    for board in boards():
        for panel in panels(board):
            columns = _columns(panel)
            for target in panel["targets"]:
                name, unit = columns.get(target["refId"], (target.get("legendFormat", ""), None))
                unit = unit or panel["fieldConfig"]["defaults"]["unit"]
                found.append(Shown(board["title"], panel["title"], name, unit, target["expr"]))
    return found


def _columns(panel: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Name and unit by query, of a table."""
    found: dict[str, tuple[str, str]] = {}
    for override in panel["fieldConfig"]["overrides"]:
        told = {each["id"]: each["value"] for each in override["properties"]}
        letter = override["matcher"]["options"].removeprefix("Value #")
        found[letter] = (told["displayName"], told["unit"])
    return found


def choices() -> list[tuple[str, str]]:
    """Label and series of every variable that is looked up, as chosen with 'All'."""
    found: list[tuple[str, str]] = []
    for board in boards():
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                series, _, label = (
                    variable["query"].removeprefix("label_values(")[:-1].rpartition(", ")
                )
                found.append((label, series.replace("$job", ".*")))
    return found


def rule_files() -> list[Path]:
    """Where the rules are."""
    return sorted((PROMETHEUS / "rules").glob("*.yaml"))


@functools.cache
def rules() -> list[dict[str, Any]]:
    """Every rule, those that record included."""
    read = [yaml.safe_load(file.read_text()) for file in rule_files()]
    return [rule for file in read for group in file["groups"] for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    """Every rule that alerts."""
    return [rule for rule in rules() if "alert" in rule]
