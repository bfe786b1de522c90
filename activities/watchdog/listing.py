"""Pages of a fleet's keepers, and what the server lists of their runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.common import SearchAttributeKey

from activities.encryption.foreign import own_memo
from rota.ids import KEEPER_PREFIX, format_slot, keeper_id
from rota.kinds import WORKFLOW_TYPES
from rota.list_query import KEEPERS, any_of
from rota.visibility import KEEPER_MEMO
from rota.watchdog.open_run import OpenRun

PAGE = 50
"""Agents looked at by one activity: some seconds, and one list of their runs."""
MOST_RUNS = 5000
"""Runs of a page's agents that are read; of more, the newest."""
RECENT = timedelta(minutes=10)
"""Runs that began or ended so long before the last check are read again: lists lag behind."""

AGENT = SearchAttributeKey.for_keyword("RotaAgent")
PIPELINE = SearchAttributeKey.for_keyword("RotaPipeline")
STATUS = SearchAttributeKey.for_keyword("RotaStatus")
SCHEDULED_BY = SearchAttributeKey.for_keyword("TemporalScheduledById")
PROBLEMS = SearchAttributeKey.for_keyword_list("TemporalReportedProblems")


@dataclass(frozen=True)
class Watched:
    """A keeper of the fleet."""

    name: str
    kind: str
    queue: str
    """The keepers' task queue."""
    digest: str
    """Of the declaration in force."""
    since: datetime | None
    """When that was put in force."""


async def list_names(client: Client, fleet: str, page: str) -> tuple[list[str], str]:
    """Return the fleet's agents on one page of the server's list, and where the next begins."""
    listed = client.list_workflows(
        KEEPERS, page_size=PAGE, next_page_token=bytes.fromhex(page) if page else None
    )
    await listed.fetch_next_page()
    found = [await _watched(each, fleet) for each in listed.current_page or ()]
    names = [each.name for each in found if each is not None]
    return names, (listed.next_page_token or b"").hex()


async def keepers(client: Client, fleet: str, names: Sequence[str]) -> list[Watched]:
    """Return the keepers of these agents, as many as the server lists."""
    if not names:
        return []
    query = f"{KEEPERS} AND WorkflowId IN {any_of(map(keeper_id, names))}"
    found = [await _watched(each, fleet) async for each in client.list_workflows(query)]
    return [each for each in found if each is not None]


async def _watched(keeper: WorkflowExecution, fleet: str) -> Watched | None:
    memo = await own_memo(keeper, KEEPER_MEMO)
    if memo.get("fleet") != fleet or not memo.get("digest"):
        return None
    since = memo.get("since")
    return Watched(
        name=keeper.id.removeprefix(KEEPER_PREFIX),
        kind=str(memo.get("kind", "Agent")),
        queue=keeper.task_queue,
        digest=str(memo["digest"]),
        since=datetime.fromisoformat(since) if since else None,
    )


async def runs_of(
    client: Client, watched: Sequence[Watched], since: datetime
) -> dict[str, list[WorkflowExecution]]:
    """Return by agent what is at work for it, its keeper too, and what began or ended since.

    Newest first.
    """
    agents = [each.name for each in watched if each.kind == "Agent"]
    pipelines = [each.name for each in watched if each.kind != "Agent"]
    whose = [f"RotaAgent IN {any_of(sorted(agents))}"] if agents else []
    if pipelines:
        types = any_of(sorted([WORKFLOW_TYPES["Pipeline"], "Agent"]))
        whose.append(f"(RotaPipeline IN {any_of(sorted(pipelines))} AND WorkflowType IN {types})")
    recent = format_slot(since - RECENT)
    new = f"StartTime >= '{recent}' OR CloseTime >= '{recent}'"
    query = f"({' OR '.join(whose)}) AND (ExecutionStatus = 'Running' OR {new})"
    found: dict[str, list[WorkflowExecution]] = {each.name: [] for each in watched}
    async for run in client.list_workflows(query, limit=MOST_RUNS):
        owner = _owner(run)
        if owner in found:
            found[owner].append(run)
    return found


def is_run(run: WorkflowExecution) -> bool:
    """True of a run of an agent or a pipeline; a keeper is none."""
    return run.workflow_type in WORKFLOW_TYPES.values()


def is_open(run: WorkflowExecution) -> bool:
    """True while it is at work."""
    return run.status is WorkflowExecutionStatus.RUNNING


def is_scheduled_by(run: WorkflowExecution, name: str) -> bool:
    """True if the schedule of that name has started it."""
    return run.typed_search_attributes.get(SCHEDULED_BY) == name


def open_run(run: WorkflowExecution, agent: str) -> OpenRun:
    """A workflow at work, as the list has it."""
    attributes = run.typed_search_attributes
    return OpenRun(
        id=run.id,
        key=run.run_id,
        agent=agent,
        status=attributes.get(STATUS) or "",
        began=run.start_time,
        queue=run.task_queue,
        problems=tuple(sorted(attributes.get(PROBLEMS) or ())),
    )


def _owner(run: WorkflowExecution) -> str:
    if run.id.startswith(KEEPER_PREFIX):
        return run.id.removeprefix(KEEPER_PREFIX)
    attributes = run.typed_search_attributes
    pipeline = attributes.get(PIPELINE) if run.workflow_type == WORKFLOW_TYPES["Pipeline"] else ""
    return pipeline or attributes.get(AGENT) or ""
