"""A conversation in words no provider owns, and the seam every model runtime fills.

Runtimes translate to and from these models, so a transcript recorded with one runtime
can be read, replayed and continued with another.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal, Protocol

from pydantic import Field

from rota.approvals.requests import Ruling
from rota.model import Record, is_false
from rota.usage import Usage


class Text(Record):
    """Words, from either side."""

    type: Literal["text"] = "text"
    text: str


class ToolCall(Record):
    """The model asks for one execution of a tool."""

    type: Literal["tool_call"] = "tool_call"
    id: str
    """The provider's id of this call; its result must carry the same."""
    name: str
    """Rota's name of the tool, dots included (`ledger.match_batch`)."""
    args: dict[str, Any]
    key: str = ""
    """Idempotency key, set by Rota when the reply is recorded; runtimes leave it empty."""


class ToolResult(Record):
    """The answer to one tool call."""

    type: Literal["tool_result"] = "tool_result"
    call_id: str
    content: str
    """Text, or the JSON of the tool's return value."""
    is_error: bool = False
    approval: Ruling | None = None
    """For the record: what was decided about the call. Runtimes do not send it."""
    lost: bool = Field(default=False, exclude_if=is_false)
    """For the record: nobody saw the call's end. Made again, it keeps its key."""


class Opaque(Record):
    """A provider's own block (thinking with a signature): resent unchanged, never read."""

    type: Literal["opaque"] = "opaque"
    provider: str
    data: dict[str, Any]


Block = Annotated[Text | ToolCall | ToolResult | Opaque, Field(discriminator="type")]


class Message(Record):
    """One side's contribution: blocks in the order they were said."""

    role: Literal["user", "assistant"]
    content: tuple[Block, ...]

    @property
    def text(self) -> str:
        """All text of the message, joined by line feeds."""
        return "\n".join(b.text for b in self.content if isinstance(b, Text))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tool calls of the message, in order."""
        return tuple(b for b in self.content if isinstance(b, ToolCall))


class StopReason(StrEnum):
    """Why the model stopped. Only `end_turn` can lead to success."""

    END_TURN = "end_turn"
    TOOL_CALLS = "tool_calls"
    PAUSED = "paused"
    """The provider wants the conversation resent as it is, to go on."""
    MAX_TOKENS = "max_tokens"
    REFUSED = "refused"
    CONTEXT_OVERFLOW = "context_overflow"


class ToolSchema(Record):
    """A tool as a model sees it."""

    name: str
    description: str
    parameters: dict[str, Any]
    """JSON Schema of the arguments; `type` is always `object`."""


class ModelRequest(Record):
    """Everything a model runtime needs for one turn."""

    settings: dict[str, Any]
    """The agent's `runtime` block as declared, `kind` included."""
    system: str
    messages: tuple[Message, ...]
    """Begins with a user message; every tool call is answered in the next one."""
    tools: tuple[ToolSchema, ...] = ()
    turn: int = 1
    """1 for the run's first turn; 0: sum up the conversation, before it."""
    context: dict[str, Any] = Field(default_factory=dict[str, Any])
    """`input`, `memory`, `covers` of the run: read by the scripted runtime's templates."""


class ModelReply(Record):
    """One turn's answer, complete: a runtime raises rather than return a cut one."""

    message: Message
    stop: StopReason
    usage: Usage
    """Tokens as the provider counted them; `cost_micros` is filled in by Rota."""
    model: str
    """The model that answered, as the provider names it."""
    request_id: str | None = None
    reported_micros: int | None = None
    """What it cost in micro-dollars, if the provider says so; None: the price table is asked.
    `usage.cost_micros` is not read."""
    details: str = ""
    """What else the provider says of why the model stopped: a refusal's category."""


class ModelRuntime(Protocol):
    """Where the thinking happens, for runtimes that answer turn by turn."""

    async def invoke(self, request: ModelRequest) -> ModelReply:
        """Make exactly one call to the provider; retries belong to Temporal.

        Raises:
            rota.failures.StepError: classified failure, `retry_after` set if the
                provider named one, `maybe_billed` if the work may have been done.
        """
        ...
