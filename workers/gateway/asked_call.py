"""The one call that a link is about, with exactly what it would do, asked of its run."""

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError

from activities.open_state import open_state
from activities.server_errors import is_missing
from activities.stores.base import ObjectStore, StoreError
from rota.approvals.links import ApprovalLink
from rota.approvals.requests import OpenApproval, OpenApprovals
from workflows.run_kit.visibility import AGENT

ANSWER = timedelta(seconds=5)
"""How long a worker may take."""
PATIENCE_SECONDS = 12.0
"""How long server, worker and store may take together."""
MOST_SHOWN = 256 * 1024
"""Bytes of arguments: nobody reads more, and what cannot be read is not to be decided."""


class NobodyAnswersError(Exception):
    """Server, worker or store is away; the message says which, for the log."""


class TooLongError(Exception):
    """The arguments are too long to be shown whole; the message is their length in bytes."""


@dataclass(frozen=True)
class AskedCall:
    """A call that waits."""

    run: str
    agent: str
    approval: OpenApproval
    arguments: Any
    """The exact ones."""


async def asked_call(client: Client, store: ObjectStore, link: ApprovalLink) -> AskedCall | None:
    """Return the call that a link is about; None if it does not wait any more.

    Raises:
        NobodyAnswersError: it cannot be asked now.
        TooLongError: nobody could read it.
    """
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            status = await open_state(client, link.run, OpenApprovals, ANSWER, "status")
            waiting = status.approvals if status else ()
            found = next((each for each in waiting if link.is_to(each)), None)
            if found is None:
                return None
            described = await client.get_workflow_handle(link.run).describe(rpc_timeout=ANSWER)
            arguments = await _arguments(store, found)
    except (RPCError, WorkflowQueryFailedError, StoreError, OSError, TimeoutError) as error:
        if isinstance(error, RPCError) and is_missing(error):
            return None
        raise NobodyAnswersError(str(error) or "no answer in time") from error
    agent = described.typed_search_attributes.get(AGENT) or ""
    return AskedCall(link.run, agent, found, arguments)


async def _arguments(store: ObjectStore, pending: OpenApproval) -> Any:
    stored = pending.request.stored
    if stored is None:
        return pending.request.arguments
    data = await store.get(stored)
    if len(data) > MOST_SHOWN:
        raise TooLongError(str(len(data)))
    return json.loads(data)
