"""The data quality example as tests use it: a small warehouse, its ticket service, its nights."""

import importlib
import json
import logging
import shutil
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

from activities.tools.fleet import load_tools
from rota.checks.baseline import BaselineRequest, BaselineState
from rota.ids import keeper_id
from rota.tools import ToolContext
from schedules.fleet import load_fleet
from tests.fleets import apply_of
from tests.stack import Stack
from workers.devserver import free_port

FLEET = Path(__file__).parents[2] / "examples" / "data-quality"
TOOLS = load_tools(FLEET)
maker = importlib.import_module("make_warehouse")
server = importlib.import_module("ticket_server")
checking = importlib.import_module("quality_checks")
comparing = importlib.import_module("quality_compare")
measuring = importlib.import_module("quality_profile")
reporting = importlib.import_module("quality_report")

AGENT = "data-quality"
SESSION = "cabs"
PER_DAY = 1000
"""Trips of a day in tests; the checks are shares and counts, so they find the same."""


def declared() -> dict[str, Any]:
    """The input that the agent's file declares."""
    text = (FLEET / "agents" / "data-quality.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["input"]


def truth(folder: Path, night: int) -> dict[str, list[str]]:
    """What is planted in a night."""
    text = (folder / "data" / "truth.json").read_text(encoding="utf-8")
    return json.loads(text)[str(night)]


def warehouse(folder: Path) -> Path:
    """Where a fleet has its warehouse."""
    return folder / "data" / "warehouse.sqlite"


def names(found: Iterable[Any]) -> list[str]:
    """The findings' names, in order."""
    return sorted(each["finding"] for each in found)


@contextmanager
def ticket_service(folder: Path, **faults: int) -> Generator[SimpleNamespace]:
    """Serve the example's tickets on the loopback; give the tickets and the address."""
    tickets = server.Tickets(folder / "state" / "tickets.sqlite", **faults)
    with server.serve(tickets, free_port()) as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield SimpleNamespace(kept=tickets, url=f"http://127.0.0.1:{serving.server_address[1]}")
        finally:
            serving.shutdown()
            thread.join()


def copy_fleet(folder: Path, url: str) -> None:
    """Copy the example, its clock stopped and its tickets going to `url`."""
    ignored = shutil.ignore_patterns("data", "state", ".rota", "__pycache__")
    shutil.copytree(FLEET, folder, ignore=ignored, dirs_exist_ok=True)
    for path in (folder / "agents").iterdir():
        text = path.read_text(encoding="utf-8")
        assert "http://127.0.0.1:8642" in text
        text = text.replace("http://127.0.0.1:8642", url)
        path.write_text(text.replace("  overlap: skip\n", "  paused: true\n"), encoding="utf-8")


async def apply(stack: Stack) -> None:
    """Put the fleet in force as `rota apply` does."""
    await apply_of(stack, load_fleet(stack.folder))


async def judge(stack: Stack, word: str, digest: str) -> BaselineState:
    """Accept or reject a result as the command line does."""
    request = BaselineRequest(session=SESSION, digest=digest, by="ann")
    keeper = stack.client.get_workflow_handle(keeper_id(AGENT))
    return await keeper.execute_update(f"{word}_baseline", request, result_type=BaselineState)


async def baseline_of(stack: Stack) -> BaselineState:
    """What the keeper knows of the warehouse's baseline."""
    return (await stack.keeper(AGENT)).session(SESSION).baseline


async def accept(stack: Stack) -> None:
    """Accept the candidate."""
    candidate = (await baseline_of(stack)).candidate
    assert candidate is not None
    await judge(stack, "accept", candidate.digest)


class Bench:
    """The example's tools without Temporal, called as a run calls them."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.input: dict[str, Any] = {**declared(), "tickets": {"url": url}}
        self.baseline: Any = None

    def context(self, run_id: str = "run-1", **more: Any) -> ToolContext:
        """What a call of a run is given."""

        def no_secret(reference: str) -> str:
            raise LookupError(reference)

        given: dict[str, Any] = {
            "idempotency_key": f"{run_id}-key",
            "agent": AGENT,
            "run_id": run_id,
            "slot": None,
            "fleet": self.folder,
            "input": self.input,
            "heartbeat": lambda text: None,
            "log": logging.getLogger("test"),
            "secrets": no_secret,
            "baseline": self.baseline,
        }
        return ToolContext(**{**given, **more})

    def compare(self, run_id: str = "run-1") -> dict[str, Any]:
        """Measure and compare."""
        TOOLS["quality.profile"](self.context(run_id))
        return TOOLS["quality.compare"](self.context(run_id))

    async def night(self, run_id: str) -> dict[str, Any]:
        """Do what the agent does in a run, and return its result."""
        for each in self.compare(run_id)["new"]:
            await TOOLS["tickets.file"](
                self.context(run_id), finding=each["finding"], explanation=each["text"]
            )
        return TOOLS["quality.report"](self.context(run_id), summary="Checked.")
