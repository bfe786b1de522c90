"""What the tests of session runtimes begin with: a request as Rota makes it, and a reporter."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rota.conversation import Message, Text
from rota.model import digest_of
from rota.runtimes.session import SessionRequest

KEY = digest_of(b"start")
INBOX = f"run-1/{KEY}"
SLOT = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


def session_request(
    settings: dict[str, Any],
    *,
    key: str = KEY,
    fleet: Path | None = None,
    deadline: datetime | None = None,
    input: dict[str, Any] | None = None,
    output_schema: dict[str, Any] | None = None,
) -> SessionRequest:
    """A request for one run of the agent `clerk`."""
    return SessionRequest(
        settings=settings,
        key=key,
        agent="clerk",
        run_id="clerk/2026-03-02",
        run_key="run-1",
        labels={"rota_key": key, "rota_run": "clerk/2026-03-02", "rota_agent": "clerk"},
        system="Be brief.",
        opening=Message(role="user", content=(Text(text="Count the boxes."),)),
        context={
            "input": input or {"account": "A"},
            "memory": {},
            "covers": None,
            "slot": SLOT.isoformat(),
            "run": {"id": "clerk/2026-03-02", "agent": "clerk"},
        },
        output_schema=output_schema,
        fleet=str(fleet or ""),
        deadline=deadline,
    )


class Reports:
    """Remembers what was reported."""

    def __init__(self) -> None:
        self.cursors: list[str] = []
        self.texts: list[str] = []

    def __call__(self, cursor: str, text: str) -> None:
        self.cursors.append(cursor)
        if text:
            self.texts.append(text)
