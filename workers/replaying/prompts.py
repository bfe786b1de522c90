"""What a run's model would be told today: other instructions, another opening message.

Prompts never travel through a history, which names them by digest: they are compared here, from
the store and from the fleet's files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from activities.documents import get_baseline, get_context, get_memory, get_node, get_spec
from activities.forking import begin_of
from activities.paid_calls import recorded_node
from activities.stores.base import ObjectMissingError, ObjectStore, StoreError
from rota.agent_spec import AgentSpec
from rota.checks.json_changes import Change, json_changes
from rota.conversation import Message, Text, ToolResult
from rota.steps import StepInput
from rota.turns.prompt import opening_message
from rota.what_if.forks import first_messages
from rota.what_if.replay import Asked, Drift

_THINKING = ("activity invoke_model", "activity compact_conversation", "activity submit_session")
DECLARATION = "declaration"
OPENING = "opening message"


@dataclass(frozen=True)
class Prompts:
    """What a run was told, against what it would be."""

    drift: list[Drift] = field(default_factory=list[Drift])
    note: str = ""
    """Why they could not be compared; empty if they were, or the run told nobody anything."""


async def compare_prompts(
    store: ObjectStore, recorded: Sequence[Asked], declared: Mapping[str, AgentSpec]
) -> Prompts:
    """Compare what a run's model was told with what today's code and files would tell it.

    Args:
        store: Where the run left its context and transcript.
        recorded: What its history has.
        declared: The agents that the fleet's files declare now, by name.
    """
    first = next((each for each in recorded if each.label.startswith(_THINKING)), None)
    if first is None:
        return Prompts()
    try:
        asked = StepInput.model_validate(first.says.get("input"), extra="ignore")
        context = await get_context(store, asked.context)
        spec = await get_spec(store, context.spec.digest)
        drift: list[Drift] = []
        now = declared.get(spec.name)
        if now is not None:
            drift += declaration_drift(spec, now)
        told = await recorded_node(store, asked.run, 1)
        if told is None:
            return Prompts(drift)
        node = await get_node(store, told)
        memory = await get_memory(store, context.memory)
        baseline = await get_baseline(store, context)
        begin = await begin_of(store, context)
    except ObjectMissingError:
        return Prompts(note=f"what models were told is not in the store ({store.address})")
    except (StoreError, ValueError) as error:
        return Prompts(note=f"prompts are not compared: {error}")
    before = _words(node.added)
    after = _words(first_messages(opening_message(context, memory, baseline), begin))
    if node.session is None and before != after:
        drift.append(_changed(OPENING, "text", before, after))
    return Prompts(drift)


def declaration_drift(before: AgentSpec, now: AgentSpec) -> list[Drift]:
    """What is declared otherwise now, key by key. Pure."""
    return [
        Drift(
            where=DECLARATION,
            path=change.path,
            change=change.change,
            before=change.before,
            after=change.after,
        )
        for change in json_changes(before.document, now.document)
    ]


def _words(messages: Sequence[Message]) -> str:
    blocks = [block for message in messages for block in message.content]
    texts = [block.text for block in blocks if isinstance(block, Text)]
    return "\n\n".join([b.content for b in blocks if isinstance(b, ToolResult)] + texts)


def _changed(where: str, path: str, before: Any, after: Any) -> Drift:
    return Drift(where=where, path=path, change=Change.CHANGED, before=before, after=after)
