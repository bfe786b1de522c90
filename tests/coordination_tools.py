"""The one tool of the coordination tests: it keeps a diary that outlives any worker.

Loaded by worker processes through a fleet's `tools.py`, and by tests that serve themselves.
"""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rota.tools import ToolContext, ToolError, tool

DIARY = "diary.jsonl"
TOOLS_PY = "from tests.coordination_tools import post\n\n__all__ = ['post']\n"


@dataclass(frozen=True)
class Note:
    """A run came to its work, or left it."""

    what: str
    """`enter`, `leave` or `fail`."""
    at: float
    key: str
    run: str
    agent: str
    part: str
    slot: str
    fences: dict[str, int]


def read_diary(fleet: Path) -> list[Note]:
    """Everything noted so far, in order."""
    path = fleet / DIARY
    lines = path.read_text().splitlines() if path.exists() else []
    return [Note(**json.loads(line)) for line in lines]


@tool(name="books.post", effect="idempotent")
def post(ctx: ToolContext, part: str, seconds: float, fails: str) -> dict[str, str]:
    """Work for a while; a run whose id lacks the text `fails` breaks off."""
    _note(ctx, part, "enter")
    time.sleep(seconds)
    if fails not in ctx.run_id:
        _note(ctx, part, "fail")
        raise ToolError(f"{part} broke in {ctx.run_id}")
    _note(ctx, part, "leave")
    return {"value": f"{part} done"}


def _note(ctx: ToolContext, part: str, what: str) -> None:
    note: dict[str, Any] = {
        "what": what,
        "at": time.time(),
        "key": ctx.idempotency_key,
        "run": ctx.run_id,
        "agent": ctx.agent,
        "part": part,
        "slot": ctx.slot.isoformat() if ctx.slot else "",
        "fences": dict(ctx.fences),
    }
    # One write to the end of the file: lines of several processes do not mix.
    diary = os.open(ctx.fleet / DIARY, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(diary, (json.dumps(note) + "\n").encode())
    finally:
        os.close(diary)
