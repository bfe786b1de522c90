"""The bench of `command`: a real program that plays a script from a folder."""

import json
import shutil
import sys
import tempfile
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rota.failures import FailureCategory
from rota.runtime_specs.command import KIND
from tests.contract.bench import RuntimeBench, Tokens
from tests.fakes import command_agent

INPUT_MICROS, OUTPUT_MICROS = 3, 15
"""What the program says a token costs."""
TOKENS = Tokens()


class CommandBench(RuntimeBench):
    kind = KIND

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="rota-command-bench-"))
        self._numbers = count(1)
        self._refusals = False
        for name in ("script", "taken"):
            (self._folder / name).mkdir()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
        problems = self._lines("problems")
        shutil.rmtree(self._folder)
        if problems and not self._refusals and error is None:
            raise AssertionError(f"the program was started {problems} times without a script")

    def settings(self, **more: Any) -> dict[str, Any]:
        return {
            "kind": "command",
            "command": [sys.executable, "-I", "-S", command_agent.__file__, str(self._folder)],
            "output": "json",
            "answer": {
                "result": "result",
                "cost_usd": "total_cost_usd",
                "input_tokens": "usage.input_tokens",
                "output_tokens": "usage.output_tokens",
                "model": "model",
            },
            "grace": "5s",
            "poll": "50ms",
            **more,
        }

    def answer(self, text: str, tokens: Tokens = TOKENS, *, seconds: float = 0.0) -> None:
        self._act(text, tokens, seconds=seconds)

    def call_tool(self, name: str, args: dict[str, Any], tokens: Tokens = TOKENS) -> None:
        raise AssertionError("a program calls no tools of Rota's")

    def fail(self, category: FailureCategory, *, retry_after: float | None = None) -> bool:
        if category is not FailureCategory.TOOL_FAILED:
            return False
        self._act("", TOKENS, exit=3)
        return True

    def cut(self) -> bool:
        return False  # a program's output is whole when it has ended well

    def hang(self) -> None:
        self._act("late", TOKENS, hang=True)

    def trickle(self, text: str, *, pause: float, pieces: int) -> bool:
        self._act(text, TOKENS, pause=pause, pieces=pieces)
        return True

    def release(self) -> None:
        (self._folder / "released").touch()

    def expect_refusals(self) -> None:
        self._refusals = True

    @property
    def starts(self) -> int:
        return self._lines("starts")

    @property
    def stops(self) -> int:
        return self._lines("stops")

    def cost_micros(self, tokens: Tokens) -> int | None:
        return tokens.input * INPUT_MICROS + tokens.output * OUTPUT_MICROS

    @property
    def tells_usage(self) -> bool:
        return True  # by the paths in `settings`

    def _act(self, text: str, tokens: Tokens, **how: Any) -> None:
        says = {
            "result": text,
            "model": "local-1",
            "total_cost_usd": (self.cost_micros(tokens) or 0) / 1_000_000,
            "usage": {"input_tokens": tokens.input, "output_tokens": tokens.output},
        }
        name = f"{next(self._numbers):06d}.json"
        # Written elsewhere first: a program that waits for work must not see half of it.
        draft = self._folder / name
        draft.write_text(json.dumps({"says": says, **how}))
        draft.rename(self._folder / "script" / name)

    def _lines(self, name: str) -> int:
        file = self._folder / name
        return len(file.read_text().splitlines()) if file.exists() else 0
