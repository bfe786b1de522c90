"""Model runtimes whose provider does what a test says, counted, in this process."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

from activities.runtimes.open import OpenRuntimes
from rota.conversation import Message, ModelReply, ModelRequest, StopReason, Text, ToolCall
from rota.failures import StepError
from rota.usage import Usage
from tests.stack import Stack

Play = StepError | str | tuple[str, dict[str, Any]]
"""A failure, a final answer, or a tool call with its arguments."""


class Provider:
    """Answers `done`, unless there is something else to play first, or it is down."""

    def __init__(self, *plays: Play) -> None:
        self.requests: list[ModelRequest] = []
        self.times: list[float] = []
        """When each call came, by the loop's clock."""
        self.plays: deque[Play] = deque(plays)
        self.down: StepError | None = None
        """Fails every call with this while it is set."""
        self.seconds = 0.0
        """How long it takes to answer."""
        self.answering = asyncio.Event()
        """While it is cleared, whoever asks waits."""
        self.answering.set()
        self.busy = 0
        self.most = 0
        """Most calls at the same time."""

    @property
    def calls(self) -> int:
        """How often it was asked."""
        return len(self.requests)

    async def invoke(self, request: ModelRequest) -> ModelReply:
        """Take one turn."""
        self.requests.append(request)
        self.times.append(asyncio.get_running_loop().time())
        self.busy += 1
        self.most = max(self.most, self.busy)
        try:
            await asyncio.sleep(self.seconds)
            await self.answering.wait()
        finally:
            self.busy -= 1
        if self.down is not None:
            raise self.down
        play = self.plays.popleft() if self.plays else "done"
        if isinstance(play, StepError):
            raise play
        content: tuple[Text | ToolCall, ...] = (Text(text=play),) if isinstance(play, str) else ()
        if isinstance(play, tuple):
            content = (ToolCall(id=f"call-{self.calls}", name=play[0], args=play[1]),)
        return ModelReply(
            message=Message(role="assistant", content=content),
            stop=StopReason.TOOL_CALLS if isinstance(play, tuple) else StopReason.END_TURN,
            usage=Usage(input_tokens=10, output_tokens=1),
            model="test",
        )


def asks(stack: Stack, name: str = "main", **more: Any) -> dict[str, Any]:
    """A `runtime` block of kind anthropic, with an account of its own on this stack."""
    key = stack.folder / "key"
    key.write_text("sk-test\n")
    base_url = f"http://{stack.task_queue}.{name}.invalid"
    runtime = {"kind": "anthropic", "model": f"model-{name}", "base_url": base_url}
    return {**runtime, "api_key": f"file:{key}", **more}


class Router:
    """The one runtime of kind anthropic: sends each request to the provider it is meant for."""

    def __init__(self, providers: dict[str, Provider]) -> None:
        self._providers = providers

    async def invoke(self, request: ModelRequest) -> ModelReply:
        """Take one turn with the provider of the model's name."""
        return await self._providers[request.settings["model"]].invoke(request)


def provide(stack: Stack, **providers: Provider) -> OpenRuntimes:
    """Let the stack's workers reach `providers`, each under the name given to `asks`."""
    router = Router({f"model-{name}": provider for name, provider in providers.items()})
    stack.runtimes = OpenRuntimes({"anthropic": lambda: router})
    return stack.runtimes


def texts_of(messages: Sequence[Message]) -> list[str]:
    """The words of messages, in order."""
    return [b.text for message in messages for b in message.content if isinstance(b, Text)]
