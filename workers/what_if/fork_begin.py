"""From a past run and a turn to what a fork begins with."""

import json
from typing import Any

from activities.documents import put_record, put_spec
from activities.stores.base import ObjectStore
from rota.agent_spec import AgentSpec
from rota.conversation import Message, StopReason, ToolResult
from rota.coordination.lineage import Fork, Lineage
from rota.turns.transcript import TranscriptNode
from rota.what_if.forks import ForkBegin, fork_spec
from workers.what_if.past_runs import PastRun, results_of


class ForkError(ValueError):
    """No fork can begin there; one line that says why, and what can be done."""


async def lineage_of_fork(
    store: ObjectStore,
    past: PastRun,
    at: int,
    spec: AgentSpec,
    changed: dict[str, Any],
    say: str,
) -> tuple[Lineage, ForkBegin]:
    """Put what a fork begins with into the store, and return where it comes from.

    Args:
        store: The workers'.
        past: The run that it goes on from.
        at: The last turn that it keeps, from 1; 0: none.
        spec: What it works with.
        changed: Keys of the input that it has otherwise.
        say: What the model is told besides.

    Raises:
        ForkError: the run took no such turn, or nothing follows from it.
    """
    turns = past.turns
    if not 0 <= at <= len(turns):
        raise ForkError(f"{past.run_id} took {len(turns)} turns: --at is 0 to {len(turns)}")
    if any(node.session for node in turns[:at]):
        raise ForkError(
            f"{past.run_id} was the work of a session, whose conversation is its provider's: "
            "nobody can go on from a turn of it"
        )
    begin = _beginning(past, changed, say) if at == 0 else _after(past, at, changed, say)
    begin = begin.model_copy(
        update={
            "context": past.nodes[0].context,
            "spec": await put_spec(store, fork_spec(spec)),
            "input": {**past.context.input, **changed},
        }
    )
    fork = Fork(run_id=past.run_id, turn=at, begin=await put_record(store, begin))
    old = past.context.lineage
    lineage = Lineage(
        root=old.root if old else past.run_id,
        parent=past.run_id,
        depth=old.depth + 1 if old else 1,
        occasion=past.context.occasion,
        tainted=past.view.result.tainted,
        fork=fork,
    )
    return lineage, begin


def _beginning(past: PastRun, changed: dict[str, Any], say: str) -> ForkBegin:
    """As the run itself began, which may have been a fork."""
    began = past.begin
    if began is None or began.opens:
        summary = past.nodes[0].digest if past.nodes[0].sums_up else None
        words = "\n\n".join(filter(None, (began.say if began else "", say)))
        return ForkBegin(context="", spec="", head=summary, opens=True, say=words)
    words = "\n\n".join(filter(None, (began.say, _news(changed), say)))
    return began.model_copy(update={"say": words})


def _after(past: PastRun, at: int, changed: dict[str, Any], say: str) -> ForkBegin:
    """After a turn of the run, with what its calls came to.

    Raises:
        ForkError: its calls were never answered, or it was the end and nothing is said to it.
    """
    node, began = past.turns[at - 1], past.begin
    results = _results(past, at, node)
    words = "\n\n".join(filter(None, (_news(changed), say)))
    if not results and not words and node.stop is not StopReason.PAUSED:
        raise ForkError(
            f"turn {at} of {past.run_id} was its last word: tell it something with --say, or "
            "name an earlier turn"
        )
    return ForkBegin(
        context="",
        spec="",
        head=node.digest,
        told=Message(role="user", content=results) if results else None,
        say=words,
        contexts=(*(began.contexts if began else ()), past.nodes[0].context),
        turns=at + (began.turns if began else 0),
    )


def _news(changed: dict[str, Any]) -> str:
    if not changed:
        return ""
    shown = json.dumps(changed, ensure_ascii=False, indent=1)
    return f"From here on these keys of the input are:\n{shown}"


def _results(past: PastRun, at: int, node: TranscriptNode) -> tuple[ToolResult, ...]:
    """What the turn's calls came to, as the next turn was told."""
    calls = node.reply.tool_calls
    if not calls:
        return ()
    told = {result.call_id: result for result in results_of(past.turns[at : at + 1])}
    if any(call.id not in told for call in calls):
        raise ForkError(
            f"the calls of turn {at} of {past.run_id} were never answered: name an earlier turn"
        )
    return tuple(told[call.id] for call in calls)
