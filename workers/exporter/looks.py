"""Looks at a fleet, part by part: its keepers, its teams, its schedules, whoever waits for people.

Each reads and changes nothing. What needs a worker is asked with little patience, and nobody is
asked on and on while no worker answers at all.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TypeVar

from temporalio.client import Client, WorkflowExecution, WorkflowQueryFailedError
from temporalio.service import RPCError

from activities.open_state import UNANSWERED, open_state
from activities.side_by_side import side_by_side
from activities.watchdog.listing import AGENT, PIPELINE, STATUS
from rota.approvals.requests import OpenApprovals
from rota.ids import BUDGET_PREFIX, KEEPER_PREFIX, budget_id, keeper_id
from rota.list_query import KEEPERS
from rota.metrics.readings import AccountReading, KeeperReading
from rota.runs import RunStatus
from rota.runtimes.breaker import Breaker
from rota.team_spec import TeamAccount
from rota.visibility import KEEPER_MEMO, TEAM_MEMO
from schedules.live_holders import holders_of
from schedules.live_teams import ACCOUNTS
from workers.exporter.snapshot import BreakerLook, ScheduleLook, WaitingCall, Waits

PATIENCE = timedelta(seconds=3)
"""How long one workflow may take to answer."""
SILENCE = 10
"""Workflows in a row without an answer after which no other is asked: nobody serves them."""
ENOUGH = timedelta(seconds=45)
"""How long those of one part are asked: what is known by then is told, however slow some are."""
MOST_ASKED = 200
"""Runs that wait for people and are asked since when; the rest counts as one call each."""
MOST_WAITING = 5000
"""Runs that wait for people and are listed."""
BREAKERS = "WorkflowType = 'Breaker' AND ExecutionStatus = 'Running'"
WAITING = (
    "ExecutionStatus = 'Running' AND RotaStatus IN "
    f"('{RunStatus.AWAITING_APPROVAL.value}', '{RunStatus.PARKED.value}')"
)

State = TypeVar("State")


class _Asking:
    """Asks many workflows, until it is clear that nobody answers, or time is up."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._silent = 0
        self._end = asyncio.get_running_loop().time() + ENOUGH.total_seconds()

    async def ask(
        self, id: str, kind: type[State], query: str = "state", *arguments: object
    ) -> State | None:
        """Return what the workflow says; None if it does not, or has ended."""
        if self._silent >= SILENCE or asyncio.get_running_loop().time() >= self._end:
            return None
        try:
            state = await open_state(self._client, id, kind, PATIENCE, query, arguments)
        except WorkflowQueryFailedError:
            # A worker of another version: it serves it, and knows no such query.
            return None
        except RPCError as error:
            if error.status not in UNANSWERED:
                raise
            self._silent += 1
            return None
        self._silent = 0
        return state


async def keepers(client: Client, fleet: str) -> dict[str, KeeperReading | None]:
    """Return what the fleet's keepers tell, by agent or pipeline; None: it did not answer.

    Raises:
        RPCError: the server did not answer.
    """
    ids = await holders_of(client, KEEPERS, KEEPER_MEMO, fleet)
    names = [id.removeprefix(KEEPER_PREFIX) for id in ids]
    # In another order each time: if time is up, others are left out than before.
    random.shuffle(names)
    asking, now = _Asking(client), datetime.now(UTC)
    told = await side_by_side(
        names, lambda name: asking.ask(keeper_id(name), KeeperReading, "reading", now)
    )
    return dict(sorted(zip(names, told, strict=True)))


async def teams(client: Client, fleet: str) -> dict[str, AccountReading | None]:
    """Return the accounts of the fleet's teams; None: one did not answer.

    Raises:
        RPCError: the server did not answer.
    """
    ids = await holders_of(client, ACCOUNTS, TEAM_MEMO, fleet)
    names = sorted(id.removeprefix(BUDGET_PREFIX) for id in ids)
    asking, now = _Asking(client), datetime.now(UTC)
    told = await side_by_side(names, lambda name: asking.ask(budget_id(name), TeamAccount))
    return {
        name: AccountReading.of(each.account, now) if each else None
        for name, each in zip(names, told, strict=True)
    }


async def schedules(client: Client, names: Collection[str]) -> dict[str, ScheduleLook]:
    """Return the schedules of these agents and pipelines, as the server lists them.

    Raises:
        RPCError: the server did not answer.
    """
    found: dict[str, ScheduleLook] = {}
    async for each in await client.list_schedules():
        if each.id not in names or each.info is None or each.schedule is None:
            continue
        times = sorted(each.info.next_action_times)
        gaps = [after - before for before, after in pairwise(times)]
        found[each.id] = ScheduleLook(
            next=times[0] if times else None,
            interval=max(gaps, default=None),
            paused=each.schedule.state.paused,
            upcoming=tuple(times),
        )
    return found


async def waits(client: Client, names: Collection[str]) -> dict[str, Waits]:
    """Return who of these agents and pipelines has runs that wait for people.

    Raises:
        RPCError: the server did not answer.
    """
    listed = [run async for run in client.list_workflows(WAITING, limit=MOST_WAITING)]
    runs = [run for run in listed if _owner(run) in names]
    # Oldest first: since when the oldest waits is what people want to know.
    runs.sort(key=lambda run: run.start_time)
    asking = _Asking(client)
    told = await side_by_side(
        runs[:MOST_ASKED], lambda run: asking.ask(run.id, OpenApprovals, "status")
    )
    statuses = {run.id: status for run, status in zip(runs, told, strict=False)}
    parked, pending = Counter[str](), Counter[str]()
    oldest: dict[str, datetime] = {}
    calls: dict[str, list[WaitingCall]] = {}
    for run in runs:
        name, status = _owner(run), statuses.get(run.id)
        is_parked = run.typed_search_attributes.get(STATUS) == RunStatus.PARKED
        parked[name] += is_parked
        # One that did not say waits for at least one decision, unless it is parked.
        pending[name] += len(status.approvals) if status else not is_parked
        calls.setdefault(name, []).extend(_calls(run.id, status) if status else [])
        since = [each.since for each in status.approvals] if status else []
        if since:
            oldest[name] = min([*since, *([oldest[name]] if name in oldest else [])])
    return {
        name: Waits(pending[name], oldest.get(name), parked[name], tuple(calls[name]))
        for name in pending
    }


async def breakers(client: Client) -> tuple[BreakerLook, ...]:
    """Return every breaker there is; those of a namespace are for all its fleets.

    Raises:
        RPCError: the server did not answer.
    """
    asking = _Asking(client)
    ids = sorted([each.id async for each in client.list_workflows(BREAKERS)])
    told = await side_by_side(ids, lambda id: asking.ask(id, Breaker))
    return tuple(BreakerLook(each.kind, each.account, each.phase) for each in told if each)


def remembered(told: Mapping[str, State | None], before: Mapping[str, State]) -> dict[str, State]:
    """Return what was told, and of whom did not answer what they said before.

    Whoever has never answered is left out: a counter that begins at nought by mistake counts
    everything as new once it is known.
    """
    found = {name: each or before.get(name) for name, each in told.items()}
    return {name: each for name, each in found.items() if each is not None}


def _calls(run: str, status: OpenApprovals) -> list[WaitingCall]:
    return [
        WaitingCall(
            run=run,
            call=each.id,
            tool=each.request.tool,
            requester=each.requester,
            since=each.since,
            until=each.last_call,
        )
        for each in status.approvals
    ]


def _owner(run: WorkflowExecution) -> str:
    attributes = run.typed_search_attributes
    return attributes.get(AGENT) or attributes.get(PIPELINE) or ""
