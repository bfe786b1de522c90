"""The work both sides do: a scripted model, one tool, and the plan that sizes them.

The plan travels in the run's input, so one worker serves runs of every size, and the
hand-written loop and Rota are asked for exactly the same turns and calls.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rota.conversation import (
    Message,
    ModelReply,
    ModelRequest,
    ModelRuntime,
    StopReason,
    Text,
    ToolCall,
)
from rota.tools import ToolContext, tool
from rota.usage import Usage

TOOL = "bench.look_up"


@dataclass(frozen=True)
class Plan:
    """What one run does."""

    turns: int = 3
    calls: int = 3
    """Tool calls in all, spread over the turns before the last, which answers."""
    seconds: float = 0.0
    """How long the model thinks in each turn."""
    tokens: int = 100
    """Tokens a turn adds to the conversation; the tool's result is as long as that."""
    journal: str = ""
    """A file to which each finished turn and tool call adds a line; empty: none."""
    pace: float = 0.0
    """Seconds one tool call takes."""

    @property
    def document(self) -> dict[str, Any]:
        """The plan as a run's input."""
        return {"plan": asdict(self)}

    @staticmethod
    def of(document: Mapping[str, Any]) -> "Plan":
        """Read the plan out of a run's input."""
        return Plan(**document["plan"])

    def calls_in(self, turn: int) -> int:
        """How many calls turn number `turn` makes: as even as whole numbers allow."""
        if turn >= self.turns:
            return 0
        before = self.turns - 1
        return self.calls * turn // before - self.calls * (turn - 1) // before

    @property
    def alone(self) -> float:
        """Seconds a run takes if everything but the model and the tools is free."""
        calling = sum(self.calls_in(turn) > 0 for turn in range(1, self.turns + 1))
        return self.turns * self.seconds + calling * self.pace


def note(plan: Plan, line: str) -> None:
    """Add `line` to the plan's journal, in one write that two processes cannot mix."""
    if plan.journal:
        with open(plan.journal, "ab", buffering=0) as file:
            file.write(f"{line}\n".encode())


def noted(plan: Plan) -> list[str]:
    """Return the lines of the plan's journal."""
    try:
        with open(plan.journal) as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []


def look_up_text(size: int, key: str) -> str:
    """The tool's result: about `size` tokens of text, different for each `key`."""
    line = f"{key}: booked, matched, checked against the ledger\n"
    return line * max(1, 4 * size // len(line))


async def look_up_now(plan: Plan, turn: int, index: int) -> str:
    """What the tool does, on both sides."""
    if plan.pace:
        await asyncio.sleep(plan.pace)
    note(plan, f"call {turn}.{index}")
    return look_up_text(plan.tokens, f"{turn}.{index}")


@tool(name=TOOL)
async def look_up(ctx: ToolContext, turn: int, index: int) -> str:
    """Look something up."""
    return await look_up_now(Plan.of(ctx.input), turn, index)


class BenchModel:
    """A model runtime that follows the plan in the run's input."""

    async def invoke(self, request: ModelRequest) -> ModelReply:
        """Answer turn `request.turn` of the plan."""
        plan = Plan.of(request.context["input"])
        turn = request.turn
        if plan.seconds:
            await asyncio.sleep(plan.seconds)
        note(plan, f"turn {turn}")
        calls = tuple(
            ToolCall(id=f"{turn}.{index}", name=TOOL, args={"turn": turn, "index": index})
            for index in range(plan.calls_in(turn))
        )
        content = calls or (Text(text=f"done after {turn} turns"),)
        return ModelReply(
            message=Message(role="assistant", content=content),
            stop=StopReason.TOOL_CALLS if calls else StopReason.END_TURN,
            usage=Usage(input_tokens=plan.tokens * turn, output_tokens=20),
            model="bench",
        )


AGENT: dict[str, Any] = {
    # Preflight knows the kinds it may meet; the bench serves its own model under this one.
    "runtime": {"kind": "scripted", "max_turns": 1000, "turns": [{"result": "unused"}]},
    "instructions": "Look things up, then answer.",
    "tools": [TOOL],
    "session": {"concurrency": "parallel"},
}
"""Declaration of an agent whose runs do not wait for each other."""

MAKERS: dict[str, Callable[[], ModelRuntime]] = {"scripted": BenchModel}
