"""A run's transcript: a content-addressed chain with one small node per turn.

A node holds only what its turn added, so a conversation of n turns costs n small
objects, and its head digest vouches for every word before it.
"""

from collections.abc import Iterable
from operator import not_
from typing import Any

from pydantic import Field

from rota.checks.baseline import KnownBaseline
from rota.conversation import Block, Message, StopReason, ToolCall, ToolResult
from rota.coordination.lineage import Lineage
from rota.model import Record, canonical_json, content_digest, digest_of, is_false
from rota.pinned_spec import PinnedSpec
from rota.runs import Covers
from rota.runtimes.session import ProviderSession
from rota.usage import Usage


class RunContext(Record):
    """What stays the same through a run; stored once, named by digest in each step."""

    run_id: str
    run_key: str
    spec: PinnedSpec
    input: dict[str, Any] = Field(default_factory=dict[str, Any])
    memory: str | None = None
    conversation: str | None = None
    """Transcript node that the run's conversation goes on from."""
    baseline: KnownBaseline | None = Field(default=None, exclude_if=not_)
    """What was accepted in the session, and rejected since; None if nothing is known."""
    covers: Covers | None = None
    slot: str | None = None
    """The slot in the form of `rota.ids.format_slot`."""
    session: str = ""
    lineage: Lineage | None = None
    fences: dict[str, int] = Field(default_factory=dict[str, int])
    """Fencing number of each lock the run holds."""
    requester: str = ""
    """Who asked for the run, or had it scheduled; empty if nobody knows."""
    tainted: bool = Field(default=False, exclude_if=is_false)
    """What it begins with may hold the words of people outside the team."""
    foreign_input: bool = Field(default=False, exclude_if=is_false)
    """Its input may."""

    @property
    def is_fork(self) -> bool:
        """True if it goes on from a turn of another run."""
        return self.lineage is not None and self.lineage.fork is not None

    @property
    def occasion(self) -> str:
        """What the run is for: what its lineage says, else its slot, else the run itself.

        Idempotency keys derive from it, so a re-run of a slot repeats no effect.
        """
        given = self.lineage.occasion if self.lineage else ""
        return given or self.slot or self.run_key


class TranscriptNode(Record):
    """One turn: what was said to the model since the last one, and its reply."""

    parent: str | None = None
    context: str
    """Digest of the run's `RunContext`."""
    turn: int
    added: tuple[Message, ...]
    reply: Message
    stop: StopReason
    usage: Usage
    model: str
    request_id: str | None = None
    details: str = ""
    """What else the provider said of why it stopped."""
    prices: str = ""
    """Version of the price table behind the cost, or who reported it."""
    table_micros: int | None = None
    """What the price table says, beside a cost that the provider reported."""
    session: ProviderSession | None = None
    """The provider's session, if the runtime works by itself."""
    sums_up: bool = False
    """The reply stands for everything before it: what follows goes on from it alone."""
    pins: str | None = None
    """Digest of the tools of others that were offered."""

    def encode(self) -> bytes:
        """Canonical bytes; their digest is the node's address."""
        return canonical_json(self.model_dump(mode="json"))

    @property
    def digest(self) -> str:
        """Address of the node."""
        return digest_of(self.encode())


def keyed(reply: Message, context: RunContext, said: Iterable[Message]) -> Message:
    """Give each tool call of `reply` its idempotency key.

    The key derives from the agent, the session, the occasion, the tool, its arguments and
    how often exactly this call was made before in the run. Neither the attempt nor the
    turn enters: a re-run of the same slot that takes another path still repeats no effect.
    The session does, because two accounts' runs for one slot may make the same call.

    A call whose end nobody saw is not made twice by making it again: it keeps its key.

    Args:
        reply: The newest of the run.
        context: The run's.
        said: All messages of the run before it, in order.
    """
    whose = [context.spec.name, context.session, context.occasion]

    def identity(call: ToolCall) -> str:
        return content_digest([*whose, call.name, call.args])

    ends: dict[str, dict[str, bool]] = {}
    """By identity: the keys of such calls, in order, and whether the end of each is known."""
    asked: dict[str, ToolCall] = {}
    for block in (block for message in said for block in message.content):
        if isinstance(block, ToolCall):
            asked[block.id] = block
            ends.setdefault(identity(block), {})[block.key] = True
        elif isinstance(block, ToolResult) and block.lost:
            call = asked[block.call_id]
            ends[identity(call)][call.key] = False
    blocks: list[Block] = []
    for block in reply.content:
        if isinstance(block, ToolCall):
            base = identity(block)
            keys = ends.setdefault(base, {})
            lost = next((key for key, is_known in keys.items() if not is_known), None)
            key = lost or content_digest([base, len(keys)])
            keys[key] = True
            block = block.model_copy(update={"key": key})
        blocks.append(block)
    return reply.model_copy(update={"content": tuple(blocks)})


def template_scope(
    context: RunContext, memory: dict[str, Any], baseline: Any = None
) -> dict[str, Any]:
    """What templates of a `runtime` block may name.

    `input`, `memory`, `covers`, `slot`, `run`; `baseline`, if the agent keeps one; and `tainted`,
    if any of that may hold the words of people outside the team.
    """
    kept = {"baseline": baseline} if context.spec.baseline else {}
    covers = context.covers.model_dump(mode="json") if context.covers else {}
    return {
        "input": context.input,
        "memory": memory,
        **kept,
        **({"tainted": True} if context.tainted else {}),
        "covers": covers,
        "slot": context.slot or "",
        "run": {"id": context.run_id, "agent": context.spec.name},
    }
