"""The morning-report example on a real server, with a mail server beside it."""

import dataclasses
import email
import email.policy
import importlib
import logging
import shutil
import sys
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from types import ModuleType
from typing import Any

from activities.tools.fleet import load_tools
from rota.pipelines.run import PipelineResult
from rota.tools import ToolContext, ToolDefinition, ToolError
from schedules.fleet import load_fleet
from tests.pipelines import declare_pipeline
from tests.stack import Stack
from workers.devserver import free_port

FLEET = Path(__file__).parents[2] / "examples" / "morning-report"
BOOKS = FLEET.parent / "reconciliation" / "data"
SLOT = "2026-11-12T05:00:00Z"
"""06:00 in Berlin, so long ago that 06:15 has passed as well."""


def module(name: str) -> ModuleType:
    """A module of the example."""
    sys.path.insert(0, str(FLEET))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(FLEET))


def read_mail(path: Path) -> EmailMessage:
    """A mail as its recipient has it."""
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def html_of(mail: EmailMessage) -> str:
    """The mail's HTML form."""
    part = mail.get_body(("html",))
    assert part is not None
    return part.get_content()


def text_of(mail: EmailMessage) -> str:
    """The mail's plain form."""
    part = mail.get_body(("plain",))
    assert part is not None
    return part.get_content()


@contextmanager
def mail_server(mailbox: Any) -> Generator[str]:
    """Serve `mailbox` on the loopback; give the address."""
    port = free_port()
    controller = module("smtp_server").serve(mailbox, port)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        controller.stop()


class Office:
    """The example's tools without Temporal, called as a run calls them."""

    def __init__(self, folder: Path, slot: str | None = SLOT) -> None:
        self.folder = folder
        self.slot = slot
        self.input: dict[str, Any] = {
            "statements": str(BOOKS / "statements"),
            "ledger": str(BOOKS / "ledger.csv"),
            "timezone": "Europe/Berlin",
            "sender": "Morning report <reports@nordlicht.example>",
            "recipients": ["finance@nordlicht.example"],
            "outbox": str(folder / "outbox.sqlite"),
            "alarms": str(folder / "alarms"),
        }
        self.tools = load_tools(FLEET)

    def call(self, tool: str, key: str = "k", **args: Any) -> dict[str, Any]:
        """Call a tool under an idempotency key."""
        context = ToolContext(
            idempotency_key=key,
            agent="report",
            run_id="report-test",
            slot=datetime.fromisoformat(self.slot).astimezone(UTC) if self.slot else None,
            fleet=FLEET,
            input=self.input,
            heartbeat=lambda text: None,
            log=logging.getLogger("test"),
            secrets=self._secret,
        )
        return self.tools[tool](context, **args)

    def report(self) -> dict[str, Any]:
        """A finished report."""
        return self.call("report.render", summary="All is well.")

    def copy_books(self) -> Path:
        """Let the tools read copies of statements and ledger, to be tampered with."""
        folder = self.folder / "data"
        shutil.copytree(BOOKS, folder)
        self.input |= {
            "statements": str(folder / "statements"),
            "ledger": str(folder / "ledger.csv"),
        }
        return folder

    def _secret(self, reference: str) -> str:
        if reference == "env:MAIL":
            return "127.0.0.1:1"
        raise LookupError(f"{reference} is not set")


class Watched:
    """The example's tools, counted; the first calls of some of them fail."""

    def __init__(self, **failures: int) -> None:
        self.calls: Counter[str] = Counter()
        self._left = Counter({name.replace("_", "."): n for name, n in failures.items()})
        self.tools = [self._watched(tool) for tool in load_tools(FLEET).values()]

    def _watched(self, tool: ToolDefinition) -> ToolDefinition:
        def call(**values: Any) -> Any:
            self.calls[tool.name] += 1
            if self._left[tool.name] > 0:
                self._left[tool.name] -= 1
                raise ToolError("the bank's files are not there yet")
            return tool.function(**values)

        return dataclasses.replace(tool, function=call)


async def declare_morning(stack: Stack, smtp: str) -> str:
    """Put the example in force under names of this test; return the pipeline's."""
    fleet = load_fleet(FLEET)
    paths = {
        "statements": str(BOOKS / "statements"),
        "ledger": str(BOOKS / "ledger.csv"),
        "smtp": smtp,
    }
    for name, agent in fleet.agents.items():
        document = agent.spec.document
        given = {key: paths.get(key, value) for key, value in document["input"].items()}
        await stack.declare(stack.name(name), **{**_unnamed(document), "input": given})
    pipeline = stack.name("morning-report")
    document = fleet.pipelines["morning-report"].spec.document
    nodes = dict(_nodes(stack, document["nodes"]))
    await declare_pipeline(stack, pipeline, **{**_unnamed(document), "nodes": nodes})
    return pipeline


def _unnamed(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != "name"}


def _nodes(stack: Stack, declared: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, node in declared.items():
        # A pause is for people and servers; what follows it is the same.
        handling = {**node["on_failure"], "backoff": "0s"}
        yield name, {**node, "agent": stack.name(node["agent"]), "on_failure": handling}


def ends(result: PipelineResult) -> dict[str, tuple[str, int]]:
    """Each node's status and number of runs."""
    return {name: (node.status.value, node.attempts) for name, node in result.nodes.items()}
