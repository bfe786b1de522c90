"""Calls that wait for a person's decision, read from their runs: what the commands show."""

import json
from dataclasses import dataclass
from typing import Any

from temporalio.client import WorkflowExecution

from activities.side_by_side import side_by_side
from activities.stores.base import StoreError
from rota.approvals.requests import SHORTEST_DIGEST, OpenApproval, OpenApprovals
from rota.list_query import quoted
from rota.runs import RunStatus
from workers.cli import roll_call
from workers.cli.any_run import describe_open_run
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.run_view import RUN_TYPE
from workers.cli.server import Link
from workers.cli.standing import ask_state
from workflows.run_kit.visibility import AGENT


@dataclass(frozen=True)
class PendingCall:
    """One call that waits."""

    run_id: str
    agent: str
    approval: OpenApproval
    arguments: Any
    """The exact ones; a remark in words where the store does not have them."""

    @property
    def shown_arguments(self) -> str:
        """For people: all of them."""
        return json.dumps(self.arguments, ensure_ascii=False)

    @property
    def request(self) -> str:
        """For people: what is decided on, in one line."""
        request = self.approval.request
        return f"{request.tool} {self.shown_arguments} ({request.digest[:SHORTEST_DIGEST]})"

    @property
    def document(self) -> dict[str, Any]:
        """For programs."""
        pending, request = self.approval, self.approval.request
        times = {"since", "until", "escalates", "parked_until"}
        return {
            "run": self.run_id,
            "agent": self.agent,
            "call": pending.id,
            "tool": request.tool,
            "arguments": self.arguments,
            "digest": request.digest,
            "key": request.key,
            "rule": request.rule.model_dump(mode="json", by_alias=True),
            "requester": pending.requester,
            "escalated": pending.escalated,
            **pending.model_dump(mode="json", include=times),
        }


async def all_pending(link: Link, agent: str | None = None) -> tuple[list[PendingCall], list[str]]:
    """Return the calls that wait, of all runs, the oldest first; and the runs that are silent.

    Raises:
        NoWorkerError: there are runs that wait, and no worker answered for any of them.
    """
    statuses = f"('{RunStatus.AWAITING_APPROVAL.value}', '{RunStatus.PARKED.value}')"
    query = (
        f"WorkflowType = '{RUN_TYPE}' AND ExecutionStatus = 'Running' AND RotaStatus IN {statuses}"
    )
    if agent is not None:
        query += f" AND RotaAgent = {quoted(agent)}"
    runs = {run.id: run async for run in link.client.list_workflows(query)}
    told = await roll_call.states_of(link, "", sorted(runs), OpenApprovals, "status")
    roll_call.require_any(link, told.values())
    answered = {id: status for id, status in told.items() if status is not None}
    found = await side_by_side(answered, lambda id: _calls(link, runs[id], answered[id]))
    pending = sorted((each for of_run in found for each in of_run), key=lambda p: p.approval.since)
    return pending, [id for id, status in told.items() if status is None]


async def pending_of(link: Link, run_id: str) -> list[PendingCall]:
    """Return the calls of one run that wait, the oldest first.

    Raises:
        CommandError: there is no such run, it has ended, or it is a pipeline's.
    """
    execution = await describe_open_run(
        link.client,
        run_id,
        "calls nothing itself: 'rota approvals' lists the calls of its nodes",
        "nothing of it waits for a decision",
    )
    return await _of(link, execution)


def named(pending: list[PendingCall], call: str | None, digest: str | None) -> PendingCall:
    """Return the call that is meant: by its id, by its digest, or the only one.

    Raises:
        CommandError: there is none, there are several, or it is not the one of `digest`; the
            message shows what waits.
    """
    found = [each for each in pending if call in (None, each.approval.id)]
    if not found:
        listed = ", ".join(each.approval.id for each in pending) or "none"
        what = f"no approval '{call}' is pending" if call else "nothing waits for a decision"
        raise CommandError(f"{what}; pending are: {listed}", ExitCode.NOT_FOUND)
    meant = [each for each in found if digest is None or _begins(each, digest)]
    shown = "".join(f"\n{each.approval.id}: {each.request}" for each in found)
    if not meant:
        raise CommandError(
            f"'{digest}' is not what waits; look at it again:{shown}", ExitCode.WRONG
        )
    if len(meant) > 1:
        raise CommandError(f"several calls wait: name one of them{shown}", ExitCode.WRONG)
    return meant[0]


def _begins(pending: PendingCall, digest: str) -> bool:
    """True if `digest` is the request's, or enough of its beginning."""
    whole = pending.approval.request.digest
    return len(digest) >= SHORTEST_DIGEST and whole.startswith(digest)


async def _of(link: Link, run: WorkflowExecution) -> list[PendingCall]:
    status = await ask_state(link, run.id, OpenApprovals, query="status")
    return await _calls(link, run, status or OpenApprovals())


async def _calls(link: Link, run: WorkflowExecution, status: OpenApprovals) -> list[PendingCall]:
    agent = run.typed_search_attributes.get(AGENT) or ""
    return [
        PendingCall(run.id, agent, each, await _arguments(link, each)) for each in status.approvals
    ]


async def _arguments(link: Link, pending: OpenApproval) -> Any:
    stored = pending.request.stored
    if stored is None:
        return pending.request.arguments
    try:
        return json.loads(await link.store.get(stored))
    except StoreError as error:
        return f"cannot be read here: {error}"
