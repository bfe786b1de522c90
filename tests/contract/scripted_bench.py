"""The bench of `scripted`: nothing is behind it, so it is its own fake.

Its script is part of its settings: ask for `settings` after everything is scripted. Only
turns taken in this process are counted.
"""

import json
from types import TracebackType
from typing import Any, Self
from unittest.mock import patch

from activities.runtimes.scripted import ScriptedRuntime
from rota.conversation import ModelReply, ModelRequest, ToolResult
from rota.failures import FailureCategory
from rota.runtime_specs.scripted import KIND
from tests.contract.bench import RuntimeBench, Tokens

TOKENS = Tokens()
FOREVER_SECONDS = 600.0


class ScriptedBench(RuntimeBench):
    kind = KIND
    can_hang = False

    def __init__(self) -> None:
        self._turns: list[dict[str, Any]] = []
        self._requests: list[ModelRequest] = []
        self._patch = patch.object(ScriptedRuntime, "invoke", self._counting())

    async def __aenter__(self) -> Self:
        self._patch.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._patch.stop()

    def settings(self, **more: Any) -> dict[str, Any]:
        return {"kind": "scripted", "turns": list(self._turns), **more}

    def answer(self, text: str, tokens: Tokens = TOKENS, *, seconds: float = 0.0) -> None:
        self._turns.append({"result": _value(text), "usage": _usage(tokens), "seconds": seconds})

    def call_tool(self, name: str, args: dict[str, Any], tokens: Tokens = TOKENS) -> None:
        self._turns.append({"calls": [{"tool": name, "args": args}], "usage": _usage(tokens)})

    def fail(self, category: FailureCategory, *, retry_after: float | None = None) -> bool:
        return False

    def cut(self) -> bool:
        return False

    def hang(self) -> None:
        self._turns.append({"result": "late", "seconds": FOREVER_SECONDS})

    def trickle(self, text: str, *, pause: float, pieces: int) -> bool:
        return False

    def release(self) -> None:
        """Nothing to release: a turn's time is declared."""

    def expect_refusals(self) -> None:
        """Nothing refuses."""

    @property
    def starts(self) -> int:
        return len(self._requests)

    @property
    def results(self) -> list[str]:
        given = {
            (request.turn, block.call_id): block.content
            for request in self._requests
            for block in request.messages[-1].content
            if isinstance(block, ToolResult)
        }
        return list(given.values())

    def cost_micros(self, tokens: Tokens) -> int | None:
        return 0

    def _counting(self) -> Any:
        real = ScriptedRuntime.invoke
        requests = self._requests

        async def invoke(runtime: ScriptedRuntime, request: ModelRequest) -> ModelReply:
            requests.append(request)
            return await real(runtime, request)

        return invoke


def _value(text: str) -> Any:
    """The result as a script declares it: a value, where the text is JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _usage(tokens: Tokens) -> dict[str, int]:
    return {"input_tokens": tokens.input, "output_tokens": tokens.output}
