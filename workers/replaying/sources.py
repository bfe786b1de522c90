"""Where the histories to replay come from: the server, or files that were exported from it."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from google.protobuf.json_format import ParseError
from temporalio.client import Client, WorkflowExecution, WorkflowHistory
from temporalio.service import RPCError

from activities.server_errors import is_missing
from activities.stores.base import ObjectStore
from rota.audit.run_record import ExecutionHistory
from rota.ids import keeper_id
from rota.list_query import any_of, quoted
from workers.plugin import KEEPER_WORKFLOWS, RUN_WORKFLOWS, WHAT_IF_WORKFLOWS
from workers.what_if.ended_runs import archived_record


class HistoryFileError(ValueError):
    """A file that holds no history; the message names it."""


def history_in(path: Path) -> WorkflowHistory:
    """Read a file as `temporal workflow show -o json` writes it.

    Raises:
        HistoryFileError: it cannot be read, or is none.
    """
    try:
        text = path.read_text()
        document: Any = json.loads(text)
        first = cast("dict[str, Any]", document)["events"][0]
        started = first["workflowExecutionStartedEventAttributes"]
        # Its own id: what it starts is named after it.
        history = WorkflowHistory.from_json(started.get("workflowId") or path.stem, text)
    except OSError as error:
        raise HistoryFileError(f"{path}: {error.strerror or error}") from error
    except (ValueError, LookupError, TypeError, AttributeError, ParseError) as error:
        raise HistoryFileError(
            f"{path}: not a history; write one with 'temporal workflow show -w RUN -o json'"
        ) from error
    return history


def files_in(paths: Sequence[Path]) -> list[Path]:
    """The files themselves, and the `*.json` of folders, sorted.

    Raises:
        HistoryFileError: a folder holds none.
    """
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not inside:
            raise HistoryFileError(f"{path}: no *.json in this folder")
        found += inside
    return found


@dataclass(frozen=True)
class Executions:
    """What the server has to be replayed."""

    found: list[WorkflowExecution]
    left_out: int = 0
    """Ended ones beyond the limit."""
    archived: tuple[ExecutionHistory, ...] = ()
    """Of the run that is meant, if the server has forgotten it."""

    @property
    def total(self) -> int:
        """How many histories there are."""
        return len(self.found) + len(self.archived)


async def executions_of(
    client: Client,
    store: ObjectStore,
    agent: str | None,
    run_id: str | None,
    since: datetime,
    limit: int,
) -> Executions:
    """Find the executions of Rota's workflows that are meant.

    What still runs always belongs, all of it: that is what a deployment could harm.

    Args:
        client: Of their namespace.
        store: Where a run is archived that the server has forgotten.
        agent: Of its runs and its keeper alone.
        run_id: Of this run alone, whenever it began.
        since: When those that have ended were started.
        limit: Most of those that have ended; the newest are taken.

    Raises:
        DamagedArchiveError: the run is in the archive alone, and cannot be read there.
    """
    if run_id is not None:
        named = f"WorkflowId = {quoted(run_id)}"
        found = [each async for each in client.list_workflows(named)]
        record = None if found else await archived_record(client, store, run_id)
        return Executions(found, archived=record.executions if record else ())
    if agent is not None:
        scope = f"(RotaAgent = {quoted(agent)} OR WorkflowId = {quoted(keeper_id(agent))})"
    else:
        scope = f"WorkflowType IN {any_of(_types())}"
    open_ones = f"{scope} AND ExecutionStatus = 'Running'"
    ended = f"{scope} AND ExecutionStatus != 'Running' AND StartTime >= {quoted(since.isoformat())}"
    found = [each async for each in client.list_workflows(open_ones)]
    newest = [each async for each in client.list_workflows(ended, limit=limit)]
    more = 0
    if len(newest) == limit:
        more = max(0, (await client.count_workflows(ended)).count - limit)
    return Executions([*found, *newest], more)


async def histories_of(client: Client, executions: Executions) -> AsyncIterator[WorkflowHistory]:
    """Fetch histories one after the other; what the server has dropped meanwhile is left out."""
    for archived in executions.archived:
        started = archived.history["events"][0]["workflowExecutionStartedEventAttributes"]
        yield WorkflowHistory.from_json(started["workflowId"], archived.history)
    for each in executions.found:
        handle = client.get_workflow_handle(each.id, run_id=each.run_id)
        try:
            yield await handle.fetch_history()
        except RPCError as error:
            if not is_missing(error):
                raise


def _types() -> list[str]:
    classes = (*RUN_WORKFLOWS, *WHAT_IF_WORKFLOWS, *KEEPER_WORKFLOWS)
    definitions = [getattr(found, "__temporal_workflow_definition", None) for found in classes]
    return [definition.name for definition in definitions if definition is not None]
