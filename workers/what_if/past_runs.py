"""Past runs as a backtest, or a fork, takes them: what they began with, were told, and came to."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from temporalio.client import Client

from activities.documents import get_context, get_json, get_transcript
from activities.forking import begin_of
from activities.stores.base import ObjectMissingError, ObjectStore
from rota.agent_spec import AgentSpec
from rota.audit.archived import ArchivedRun
from rota.conversation import StopReason, ToolResult
from rota.runs import RunStatus
from rota.turns.transcript import RunContext, TranscriptNode
from rota.usage import sum_of
from rota.what_if.backtest import RecordedCall, Tape
from rota.what_if.compare import MEMORY_UPDATE, Played
from rota.what_if.forks import ForkBegin
from workers.audit.archived import DamagedArchiveError
from workers.cli.run_view import RunView
from workers.what_if.ended_runs import NoResultError, archived_view, newest

MOST_LEFT_OUT = 100
"""Runs that cannot be taken before no older one is looked at: the store is another one's."""


@dataclass(frozen=True)
class PastRun:
    """A run of an agent that has ended and left a transcript."""

    view: RunView
    context: RunContext
    spec: AgentSpec
    nodes: list[TranscriptNode]
    """Its own turns, oldest first; the summary it began with included."""
    output: Any
    begin: ForkBegin | None = None
    """What it began with, if it is a fork itself."""

    @property
    def run_id(self) -> str:
        """Its workflow id."""
        return self.view.result.run_id

    @property
    def turns(self) -> list[TranscriptNode]:
        """Without the summary."""
        return [node for node in self.nodes if not node.sums_up]

    @property
    def played(self) -> Played:
        """What it came to."""
        result = self.view.result
        return Played(
            succeeded=result.status is RunStatus.SUCCEEDED,
            status=result.status.value,
            reason=result.reason,
            output=self.output,
            turns=len(self.turns),
            calls=calls_of(self.nodes),
            patches=patches_of(self.nodes),
            checks={each.name: each.state for each in result.checks},
            usage=sum_of(node.usage for node in self.turns),
            seconds=round(self.view.took.total_seconds(), 3),
            models=models_of(self.nodes),
        )


def calls_of(nodes: list[TranscriptNode]) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Tool and arguments of each call, in order."""
    return tuple((call.name, call.args) for node in nodes for call in node.reply.tool_calls)


def patches_of(nodes: list[TranscriptNode]) -> tuple[Any, ...]:
    """The memory patches that were taken, in order: those whose results were no errors."""
    refused = {result.call_id for result in results_of(nodes) if result.is_error}
    return tuple(
        call.args.get("patch")
        for node in nodes
        for call in node.reply.tool_calls
        if call.name == MEMORY_UPDATE and call.id not in refused
    )


def models_of(nodes: list[TranscriptNode]) -> tuple[str, ...]:
    """The models that answered, in the order of their first answers."""
    return tuple(dict.fromkeys(node.model for node in nodes if node.model))


def results_of(nodes: list[TranscriptNode]) -> list[ToolResult]:
    """What was told of calls, in order."""
    blocks = [block for node in nodes for each in node.added for block in each.content]
    return [block for block in blocks if isinstance(block, ToolResult)]


async def tape_of(store: ObjectStore, nodes: list[TranscriptNode]) -> Tape:
    """Every call with what it was told; a call that was never answered is not on it.

    Calls are paired with results turn by turn: the ids that providers give repeat between turns.
    """
    calls: list[RecordedCall] = []
    for node, after in pairwise(nodes):
        told = {result.call_id: result for result in results_of([after])}
        for call in node.reply.tool_calls:
            result = told.get(call.id)
            if result is not None:
                content = await store.put(result.content.encode(errors="replace"))
                calls.append(
                    RecordedCall(
                        tool=call.name, args=call.args, content=content, is_error=result.is_error
                    )
                )
    return Tape(calls=tuple(calls))


async def read_past_run(store: ObjectStore, view: RunView, spec_of: "SpecReader") -> PastRun | None:
    """Read what a run left behind; None if it took no turn.

    Raises:
        ObjectMissingError: the store does not have it (any more).
    """
    nodes = await get_transcript(store, view.result.transcript)
    if not any(not node.sums_up for node in nodes):
        return None
    context = await get_context(store, nodes[0].context)
    digest = view.result.output_digest
    output = None if digest is None else await get_json(store, digest)
    begin = await begin_of(store, context)
    spec = await spec_of.read(context.spec.digest)
    return PastRun(view, context, spec, nodes, output, begin)


class SpecReader:
    """Reads declarations, each once: most runs share one."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._known: dict[str, AgentSpec] = {}

    async def read(self, digest: str) -> AgentSpec:
        """Return the declaration with that digest."""
        if digest not in self._known:
            data = await self._store.get(digest)
            self._known[digest] = AgentSpec.model_validate_json(data)
        return self._known[digest]


@dataclass(frozen=True)
class Chosen:
    """Past runs, newest first, and those that could not be taken."""

    runs: list[PastRun]
    left_out: dict[str, str]
    """Run -> why."""


async def newest_runs(
    client: Client, store: ObjectStore, agent: str, count: int, statuses: tuple[RunStatus, ...]
) -> Chosen:
    """The newest runs of an agent that ended so and left a transcript.

    Those that the server has forgotten are looked for in the archive. Forks are left out: their
    conversations are partly those of other runs.
    """
    chosen = Chosen([], {})
    specs = SpecReader(store)
    async for found in newest(client, store, agent, statuses):
        if isinstance(found, RunView):
            await take(chosen, store, found, specs)
        else:
            await _take_archived(chosen, store, found, specs)
        if len(chosen.runs) == count or len(chosen.left_out) == MOST_LEFT_OUT:
            break
    return chosen


async def _take_archived(
    chosen: Chosen, store: ObjectStore, archived: ArchivedRun, specs: SpecReader
) -> None:
    try:
        view = await archived_view(store, archived)
    except (DamagedArchiveError, NoResultError) as error:
        chosen.left_out[archived.run.id] = str(error)
    else:
        await take(chosen, store, view, specs)


async def take(chosen: Chosen, store: ObjectStore, view: RunView, specs: SpecReader) -> None:
    """Add a run to those that are chosen, or say why it is left out."""
    run_id = view.result.run_id
    try:
        past = await read_past_run(store, view, specs)
    except ObjectMissingError:
        chosen.left_out[run_id] = f"what it left is not in the store ({store.address})"
        return
    except ValueError as error:
        reason = f"it was written by another version of Rota: {str(error).splitlines()[0]}"
        chosen.left_out[run_id] = reason
        return
    if past is None:
        chosen.left_out[run_id] = "it took no turn"
    elif past.context.is_fork:
        chosen.left_out[run_id] = "it is a fork, and goes on from another run's turns"
    elif past.nodes[-1].stop is not StopReason.END_TURN and past.played.succeeded:
        chosen.left_out[run_id] = "it handed its work over to another agent"
    else:
        chosen.runs.append(past)
