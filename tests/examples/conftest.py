"""The reconciliation example without Temporal: its tools, called as a run calls them."""

import importlib
import json
import logging
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from activities.tools.fleet import load_tools
from rota.tools import ToolContext

FLEET = Path(__file__).parents[2] / "examples" / "reconciliation"


def _no_secret(reference: str) -> str:
    raise LookupError(reference)


class Desk:
    """One state file and the fleet's tools, by the last part of their names."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.input: dict[str, Any] = {"state": str(state)}
        self.heartbeat = lambda text: None
        self.fences: dict[str, int] = {}
        self.tools = load_tools(FLEET)

    def call(self, tool: str, key: str, **args: Any) -> dict[str, Any]:
        """Call `ledger.<tool>` under an idempotency key."""
        context = ToolContext(
            idempotency_key=key,
            agent="reconciliation",
            run_id="reconciliation-test",
            slot=None,
            fleet=FLEET,
            input=self.input,
            heartbeat=self.heartbeat,
            log=logging.getLogger("test"),
            secrets=_no_secret,
            fences=self.fences,
        )
        return self.tools[f"ledger.{tool}"](context, **args)

    def run(self, slot: str, after: str | None, days: int = 1) -> dict[str, Any]:
        """Do what the agent does in one run; return the answers by tool."""
        imported = self.call("import_statements", f"{slot}-import", after=after, days=days)
        last = imported["last_statement"]
        matched = self.call("match_batch", f"{slot}-match", until=last)
        findings = self.call("classify", f"{slot}-classify")["items"]
        for item in findings:
            self.call(
                "flag",
                f"{slot}-flag-{item['entry_id']}",
                entry_id=item["entry_id"],
                kind=item["kind"],
                explanation=item["reason"],
            )
        report = self.call("report", f"{slot}-report", after=imported["after"])
        return {"imported": imported, "matched": matched, "findings": findings, "report": report}

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Read the state directly."""
        connection = sqlite3.connect(self.state)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    def dump(self) -> str:
        """The whole state as SQL."""
        connection = sqlite3.connect(self.state)
        try:
            return "\n".join(connection.iterdump())
        finally:
            connection.close()


@pytest.fixture(scope="session")
def fleet() -> Path:
    """The example's folder."""
    return FLEET


@pytest.fixture(scope="session")
def example() -> Iterator[SimpleNamespace]:
    """The modules of the example, by the part of their name that tells them apart."""
    sys.path.insert(0, str(FLEET))
    try:
        yield SimpleNamespace(
            camt=importlib.import_module("reconciliation_camt"),
            classify=importlib.import_module("reconciliation_classify"),
            entries=importlib.import_module("reconciliation_entries"),
            matching=importlib.import_module("reconciliation_matching"),
            generate=importlib.import_module("generate"),
        )
    finally:
        sys.path.remove(str(FLEET))


@pytest.fixture(scope="session")
def truth() -> dict[str, Any]:
    """What `generate.py` planted."""
    return json.loads((FLEET / "data" / "truth.json").read_text(encoding="utf-8"))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An empty state."""
    return Desk(tmp_path / "state" / "reconciliation.sqlite")


@pytest.fixture(scope="session")
def finished_month(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """All 30 days, one run each: the state file and the answers of each run."""
    desk = Desk(tmp_path_factory.mktemp("month") / "reconciliation.sqlite")
    runs: list[dict[str, Any]] = []
    mark: str | None = None
    for number in range(1, 31):
        runs.append(desk.run(f"slot-{number}", mark))
        mark = runs[-1]["imported"]["last_statement"]
    return SimpleNamespace(state=desk.state, runs=runs)


@pytest.fixture
def month(finished_month: SimpleNamespace, tmp_path: Path) -> SimpleNamespace:
    """A copy of the finished month to work on."""
    state = tmp_path / "month.sqlite"
    shutil.copy(finished_month.state, state)
    return SimpleNamespace(desk=Desk(state), runs=finished_month.runs)
