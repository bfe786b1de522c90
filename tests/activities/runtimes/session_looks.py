"""What tests of session runtimes say to them: a request, and a note of every report."""

from typing import Any

from rota.conversation import Message, Text, ToolSchema
from rota.runtimes.session import Observation, Resumed, SessionRequest, Told

KEY = "5f" * 32


class Reports:
    """Collects what a runtime reports."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def __call__(self, cursor: str, text: str) -> None:
        """Take one report."""
        self.seen.append((cursor, text))

    @property
    def texts(self) -> list[str]:
        """What people read."""
        return [text for _, text in self.seen]


def request(settings: dict[str, Any], *tools: str, **more: Any) -> SessionRequest:
    """A request whose context has an account."""
    return SessionRequest(
        settings=settings,
        key=KEY,
        agent="report",
        run_id="report-1",
        run_key="run-1",
        labels={"rota_key": KEY, "rota_run": "report-1", "rota_agent": "report"},
        system="Be exact.",
        opening=Message(role="user", content=(Text(text="Report on account A."),)),
        context={"input": {"account": "A"}, "memory": {"last": 3}, "slot": None},
        tools=tuple(
            ToolSchema(name=name, description="A tool.", parameters={"type": "object"})
            for name in tools
        ),
        **more,
    )


def resumed(asked: SessionRequest, seen: Observation, told: Told) -> SessionRequest:
    """The request of the look after `seen` was answered with `told`."""
    return asked.model_copy(update={"resumed": Resumed(said=seen.message, told=told)})
