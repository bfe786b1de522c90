"""Where the histories to replay come from: the server, or files that were exported from it."""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from google.protobuf.json_format import ParseError
from temporalio.client import Client, WorkflowExecution, WorkflowHistory
from temporalio.service import RPCError

from activities.server_errors import is_missing
from rota.ids import keeper_id
from rota.list_query import any_of, quoted
from workers.plugin import KEEPER_WORKFLOWS, RUN_WORKFLOWS, WHAT_IF_WORKFLOWS


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


def query_of(agent: str | None, run_id: str | None, since: datetime | None) -> str:
    """The visibility query for executions of Rota's workflows.

    What still runs always belongs: that is what a deployment could harm.
    """
    if run_id is not None:
        return f"WorkflowId = {quoted(run_id)}"
    if agent is not None:
        scope = f"(RotaAgent = {quoted(agent)} OR WorkflowId = {quoted(keeper_id(agent))})"
    else:
        scope = f"WorkflowType IN {any_of(_types())}"
    if since is None:
        return scope
    return f"{scope} AND (StartTime >= {quoted(since.isoformat())} OR ExecutionStatus = 'Running')"


async def histories_of(
    client: Client, executions: Sequence[WorkflowExecution]
) -> AsyncIterator[WorkflowHistory]:
    """Fetch histories one after the other; what the server has dropped meanwhile is left out."""
    for each in executions:
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
