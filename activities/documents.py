"""Rota's documents in the object store: declarations, contexts, transcripts, memory."""

import json
from typing import Annotated, Any

from pydantic import Discriminator, TypeAdapter

from activities.stores.base import ObjectStore
from rota.agent_spec import AgentSpec
from rota.approvals.requests import Verdict
from rota.conversation import Message, ToolResult
from rota.model import Declaration, Record, canonical_json
from rota.pipelines.spec import PipelineSpec
from rota.team_spec import TeamSpec
from rota.turns.calls import ResultRef
from rota.turns.memory import MemoryVersion
from rota.turns.prompt import summary_message
from rota.turns.transcript import RunContext, TranscriptNode

_DECLARATION: TypeAdapter[AgentSpec | PipelineSpec] = TypeAdapter(
    Annotated[AgentSpec | PipelineSpec, Discriminator("kind")]
)


async def put_record(store: ObjectStore, record: Record) -> str:
    """Store a record as canonical JSON and return its digest."""
    return await store.put(canonical_json(record.model_dump(mode="json")))


async def put_spec(store: ObjectStore, spec: Declaration) -> str:
    """Store a declaration under its own digest."""
    return await store.put(canonical_json(spec.document))


async def get_spec(store: ObjectStore, digest: str) -> AgentSpec:
    """Read an agent's declaration."""
    return AgentSpec.model_validate_json(await store.get(digest))


async def get_pipeline(store: ObjectStore, digest: str) -> PipelineSpec:
    """Read a pipeline's declaration."""
    return PipelineSpec.model_validate_json(await store.get(digest))


async def get_team(store: ObjectStore, digest: str) -> TeamSpec:
    """Read a team's declaration."""
    return TeamSpec.model_validate_json(await store.get(digest))


async def get_declaration(store: ObjectStore, digest: str) -> AgentSpec | PipelineSpec:
    """Read a declaration, whichever it is."""
    return _DECLARATION.validate_json(await store.get(digest))


async def get_context(store: ObjectStore, digest: str) -> RunContext:
    """Read a run's context."""
    return RunContext.model_validate_json(await store.get(digest))


async def get_node(store: ObjectStore, digest: str) -> TranscriptNode:
    """Read one turn of a transcript."""
    return TranscriptNode.model_validate_json(await store.get(digest))


async def get_transcript(store: ObjectStore, head: str | None) -> list[TranscriptNode]:
    """Read a run's whole transcript, first turn first; of that run alone."""
    nodes: list[TranscriptNode] = []
    while head is not None:
        node = await get_node(store, head)
        if nodes and node.context != nodes[0].context:
            break  # of an earlier run of the same conversation
        nodes.append(node)
        head = node.parent
    nodes.reverse()
    return nodes


async def get_conversation(store: ObjectStore, head: str | None) -> list[TranscriptNode]:
    """Read the conversation that ends in `head`, first turn first.

    Of all its runs, but of what was summed up the summary alone.
    """
    nodes: list[TranscriptNode] = []
    while head is not None:
        node = await get_node(store, head)
        nodes.append(node)
        head = None if node.sums_up else node.parent
    nodes.reverse()
    return nodes


async def get_results(
    store: ObjectStore, head: str, results: tuple[ResultRef, ...]
) -> tuple[ToolResult, ...]:
    """Read the results of calls that the node `head` asks for, as it is told them."""
    calls = (await get_node(store, head)).reply.tool_calls
    told: list[ToolResult] = []
    for result in results:
        content = (await store.get(result.digest)).decode()
        ruling = result.approval
        if ruling is not None and ruling.verdict is Verdict.EDIT:
            changed = (await store.get(ruling.allowed)).decode()
            content = f"({ruling.by} changed the arguments before it ran: {changed})\n{content}"
        told.append(
            ToolResult(
                call_id=calls[result.index].id,
                content=content,
                is_error=result.is_error,
                approval=ruling,
                lost=result.lost,
            )
        )
    return tuple(told)


def messages_of(nodes: list[TranscriptNode]) -> list[Message]:
    """What was said in a conversation; a summary as what the model is told of the rest."""
    said: list[Message] = []
    for node in nodes:
        said += (summary_message(node.reply.text),) if node.sums_up else (*node.added, node.reply)
    return said


async def get_memory(store: ObjectStore, digest: str | None) -> MemoryVersion | None:
    """Read a memory version; None where there is none yet."""
    if digest is None:
        return None
    return MemoryVersion.model_validate_json(await store.get(digest))


async def get_baseline(store: ObjectStore, context: RunContext) -> Any:
    """Read the result that was last accepted in the run's session; None where there is none."""
    digest = context.baseline.digest if context.baseline else None
    return None if digest is None else await get_json(store, digest)


async def get_json(store: ObjectStore, digest: str) -> Any:
    """Read any JSON document."""
    return json.loads(await store.get(digest))
