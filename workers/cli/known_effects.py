"""What is on record of effects: of a run, of an agent's newest runs, or of all that are unknown.

Read from the keepers, the runs' transcripts and the records in the store.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from temporalio.client import WorkflowExecution, WorkflowExecutionStatus

from activities.documents import get_transcript
from activities.effect_records import EffectRecords
from activities.side_by_side import side_by_side
from rota.effects.records import EffectRecord, EffectStage, OpenEffect
from rota.ids import KEEPER_PREFIX, keeper_id
from rota.keepers.state import KeeperState
from rota.list_query import KEEPERS, quoted
from schedules.apply_errors import NoWorkerError
from workers.cli import roll_call
from workers.cli.agents import require_agent
from workers.cli.any_run import describe_run, is_pipeline
from workers.cli.command_error import CommandError
from workers.cli.run_view import RUN_TYPE, view_of
from workers.cli.server import Link
from workers.cli.standing import ask_state


@dataclass(frozen=True)
class KnownEffect:
    """An effect, and who asks about it."""

    record: EffectRecord
    asking: tuple[OpenEffect, ...] = ()
    """Runs whose question about it is open."""

    @property
    def is_unknown(self) -> bool:
        """True if nobody has seen its end, or said it."""
        return self.record.stage in (EffectStage.UNKNOWN, EffectStage.INTENT)

    def waits(self, at: datetime) -> bool:
        """True if somebody's word is asked for: nobody knows, or a run waits and has not seen."""
        return self.is_unknown or any(each.until and each.until > at for each in self.asking)

    @property
    def document(self) -> dict[str, Any]:
        """The effect as `--json` prints it."""
        left = {"index", "node", "attempt"}
        return {
            "id": self.record.id,
            **self.record.model_dump(mode="json", exclude=left),
            "run": self.record.run.id,
            "asked_by": [each.run.id for each in self.asking],
        }


async def unknown_effects(link: Link, agent: str | None = None) -> list[KnownEffect]:
    """All that keepers list, oldest first; of one agent, or of every one that answers.

    Raises:
        NoWorkerError: no worker serves the agent's keeper, or any.
    """
    if agent is not None:
        states = [await ask_state(link, keeper_id(agent), KeeperState)]
    else:
        names = await roll_call.open_names(link.client, KEEPERS, KEEPER_PREFIX)
        told = await roll_call.states_of(link, KEEPER_PREFIX, names, KeeperState)
        roll_call.require_any(link, told.values())
        states = [*told.values()]
    found = [each for state in states if state is not None for each in state.open_effects]
    records = EffectRecords(link.store)
    known: list[KnownEffect] = []
    for key in dict.fromkeys(each.key for each in found):
        record = await records.newest(key)
        if record is not None:
            known.append(KnownEffect(record, tuple(each for each in found if each.key == key)))
    return known


async def effects_of(link: Link, name: str | None, limit: int) -> list[KnownEffect]:
    """Those of a run, or of the newest runs of an agent or of all; newest runs first.

    Raises:
        CommandError: there is neither a run nor an agent of that name; exit code 4.
    """
    runs = await _runs(link, name, limit)
    if not runs:
        if name is None or await _is_agent(link, name):
            return []
        runs = [await describe_run(link.client, name)]
        if is_pipeline(runs[0]):
            raise CommandError(
                f"{name} is a pipeline's run, which has no effects itself: 'rota show {name}' "
                "names the runs of its nodes"
            )
    heads = await side_by_side(runs, lambda run: _head(link, run))
    keys: dict[str, None] = {}
    for head in heads:
        for node in await get_transcript(link.store, head):
            keys.update(dict.fromkeys(call.key for call in node.reply.tool_calls if call.key))
    records = EffectRecords(link.store)
    found = await side_by_side(keys, records.newest)
    return [KnownEffect(record) for record in found if record is not None]


async def _runs(link: Link, name: str | None, limit: int) -> list[WorkflowExecution]:
    query = f"WorkflowType = '{RUN_TYPE}' AND ExecutionStatus != 'ContinuedAsNew'"
    if name is not None:
        query += f" AND RotaAgent = {quoted(name)}"
    return [run async for run in link.client.list_workflows(query, limit=limit)]


async def _is_agent(link: Link, name: str) -> bool:
    try:
        await require_agent(link.client, name)
    except CommandError:
        return False
    return True


async def _head(link: Link, run: WorkflowExecution) -> str | None:
    """The newest node of a run's transcript: of one in progress, what it tells itself."""
    if run.status is not WorkflowExecutionStatus.RUNNING:
        return (await view_of(run)).result.transcript
    try:
        status = await ask_state(link, run.id, dict[str, Any], roll_call.PATIENCE, query="status")
    except NoWorkerError:
        return None
    return (status or {}).get("transcript")
