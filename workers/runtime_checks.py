"""What `rota doctor` looks at of a fleet's runtimes: their breakers, and who serves their queues.

As in `workers.checks`: a check never raises for what it looks for.
"""

from datetime import UTC, datetime

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError

from activities.breakers import read_breaker
from activities.pollers import pollers
from activities.runtimes.kinds import account_of
from rota.ids import breaker_id
from rota.runtimes.breaker import Breaker, Held, Phase
from rota.runtimes.breaker_rules import look
from schedules.fleet import Fleet
from schedules.runtime_queues import runtime_queues
from workers.checks import Check


async def check_breakers(client: Client, fleet: Fleet) -> list[Check]:
    """Name each runtime of the fleet that is not to be asked now; none if all may be."""
    return [
        check
        for kind, account in _accounts(fleet)
        if (check := await _check_breaker(client, kind, account)) is not None
    ]


async def check_runtime_queues(client: Client, fleet: Fleet) -> list[Check]:
    """Every queue that a runtime names needs somebody; runs wait there without a word."""
    checks: list[Check] = []
    for queue in runtime_queues(fleet):
        found = await pollers(client, queue.name, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
        rate = queue.requests_per_second
        limit = f", {rate:g} calls a second" if rate is not None else ""
        text = f"task queue {queue.name}{limit} is served by {', '.join(found) or 'nobody'}"
        cure = "" if found else "restart the fleet's workers: they read its queues as they start"
        checks.append(Check(f"queue {queue.name}", bool(found), text, cure))
    return checks


def _accounts(fleet: Fleet) -> list[tuple[str, str]]:
    """Each runtime kind and account that the fleet's agents use, once, fallbacks too."""
    chains = (agent.spec.runtime.chain for agent in fleet.agents.values())
    used = {
        (runtime.kind, account_of(runtime.kind, runtime.settings)): None
        for chain in chains
        for runtime in chain
    }
    return [(kind, account) for kind, account in used if account]


async def _check_breaker(client: Client, kind: str, account: str) -> Check | None:
    name = f"runtime {kind}"
    try:
        breaker = await read_breaker(client, kind, account)
    except (RPCError, WorkflowQueryFailedError) as error:
        found = f"its breaker does not answer: {error}"
        return Check(name, False, found, "start a worker: until then calls are made unwatched")
    return _of_breaker(name, breaker) if breaker is not None else None


def _of_breaker(name: str, breaker: Breaker) -> Check | None:
    seen = look(breaker, datetime.now(UTC))
    if isinstance(seen, Held):
        found = seen.text
    elif breaker.phase is Phase.CLOSED:
        return None
    else:
        found = f"runtime {breaker.kind} is half open, the next call tries it: {breaker.reason}"
    if breaker.last_failure:
        found += f"; last failure: {breaker.last_failure}"
    id = breaker_id(breaker.kind, breaker.account)
    cure = (
        f"runs wait or take their fallback; if it is well again: temporal workflow cancel -w '{id}'"
    )
    return Check(name, False, f"{found} (account {breaker.account})", cure)
