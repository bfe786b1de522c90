"""`list_agents`, `look_at_agents`, `send_beat`: what the Watchdog has looked at for it."""

import asyncio
from collections.abc import Sequence
from itertools import chain

from temporalio import activity
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.client import Client, WorkflowExecution
from temporalio.exceptions import ApplicationError, TemporalError

from activities.heartbeat import heartbeating
from activities.interface import Watching
from activities.pollers import pollers
from activities.providers.json_calls import JsonCalls
from activities.secrets import Secrets
from activities.side_by_side import side_by_side
from activities.stores.base import ObjectStore, StoreError
from activities.watchdog.agents import AgentLook, SeenAgent, last_start
from activities.watchdog.beating import send_beat
from activities.watchdog.listing import Watched, keepers, list_names, runs_of
from activities.watchdog.progress import is_at_work
from activities.watchdog.quiet import Declarations
from rota.failures import MESSAGE_LIMIT, StepError
from rota.ids import keeper_id, run_queue
from rota.notices.text import one_line
from rota.watchdog.looks import Beat, Listed, ListOrder, Looked, LookOrder
from rota.watchdog.open_run import OpenRun
from rota.watchdog.silence import KEPT, Unstarted

_WORKFLOWS = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
_ACTIVITIES = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
LOOK_SECONDS = 35.0
"""For all of a page: below what `workflows.watchdog_options` gives an attempt."""
MOST_ASKED = 20
"""Runs that are asked whether somebody works for them."""


class WatchingActivities(Watching):
    """Looks, and changes nothing.

    Args:
        client: Reaches the server, keepers and schedules.
        store: Of the ledgers' pages.
    """

    def __init__(self, client: Client, store: ObjectStore) -> None:
        self._client = client
        self._store = store
        self._declared = Declarations(store)
        self._secrets = Secrets()
        self._calls = JsonCalls()

    @activity.defn(name="list_agents")
    async def list_agents(self, order: ListOrder) -> Listed:
        """List one page of the fleet's agents.

        Raises:
            temporalio.service.RPCError: retryable; the server did not answer.
        Idempotency: it changes nothing.
        """
        names, following = await list_names(self._client, order.fleet, order.page)
        return Listed(names=tuple(names), next_page=following)

    @activity.defn(name="look_at_agents")
    async def look_at_agents(self, order: LookOrder) -> Looked:
        """Judge some of the fleet's agents; one that cannot be judged hides no other.

        Raises:
            temporalio.service.RPCError: retryable; the server did not answer.
        Idempotency: it changes nothing.
        Heartbeat: every second.
        """
        end = asyncio.get_running_loop().time() + LOOK_SECONDS
        async with heartbeating(f"agents of {order.fleet}"):
            watched = await keepers(self._client, order.fleet, order.names)
            listed = await runs_of(self._client, watched, order.since) if watched else {}
            served = await self._served({each.queue for each in watched})
            agent = AgentLook(self._client, self._store, order, self._declared)

            async def look(one: Watched) -> SeenAgent:
                try:
                    async with asyncio.timeout_at(end):
                        asked = served[one.queue]
                        return await agent.look(one, listed[one.name], asked=asked)
                except TimeoutError:
                    why = "no time was left to look at it"
                except (TemporalError, StoreError, ValueError) as error:
                    why = one_line(f"it cannot be looked at: {error}")
                return SeenAgent(one.name, is_judged=False, why=why)

            seen = await side_by_side(watched, look)
            queues = _queues(watched, seen)
            served |= await self._served(set(queues) - set(served))
            calls = await self._runtimes_served(seen)
        return _looked(order, seen, listed, queues, {**served, **calls})

    @activity.defn(name="send_beat")
    async def send_beat(self, beat: Beat) -> None:
        """Send a sign of life to where the fleet declares it.

        Raises:
            ApplicationError: it was not taken; retryable if a later one may be.
        Idempotency: none is needed: two beats say what one says.
        """
        try:
            await send_beat(self._calls, self._secrets, beat)
        except StepError as error:
            raise ApplicationError(
                self._secrets.shortened(str(error), MESSAGE_LIMIT),
                type=error.category.value,
                non_retryable=not error.category.retryable,
            ) from None

    async def aclose(self) -> None:
        """Close all connections."""
        await self._calls.aclose()

    async def _served(
        self, queues: set[str], kind: TaskQueueType.ValueType = _WORKFLOWS
    ) -> dict[str, bool]:
        names = sorted(queues)
        found = await side_by_side(names, lambda queue: pollers(self._client, queue, kind))
        return dict(zip(names, map(bool, found), strict=True))

    async def _runtimes_served(self, seen: Sequence[SeenAgent]) -> dict[str, bool]:
        """Whether the runtimes' own queues are; whoever has all hands full asks for no more."""
        using: dict[str, list[OpenRun]] = {}
        for each in seen:
            for queue in each.runtime_queues:
                using.setdefault(queue, []).extend(run for run in each.runs if _is_run(run))
        served = await self._served(set(using), _ACTIVITIES)
        for queue in sorted(queue for queue, is_served in served.items() if not is_served):
            runs = sorted(using[queue], key=lambda run: run.began)[:MOST_ASKED]
            busy = await side_by_side(runs, lambda run: is_at_work(self._client, run, queue))  # noqa: B023
            served[queue] = any(busy)
        return served


def _looked(
    order: LookOrder,
    seen: Sequence[SeenAgent],
    listed: dict[str, list[WorkflowExecution]],
    queues: dict[str, int],
    served: dict[str, bool],
) -> Looked:
    """What a page comes to."""
    unheard = {each.name: each.why for each in seen if not each.is_judged}
    # Listed a moment ago: its keeper goes on in a new execution.
    missing = set(order.names) - {each.name for each in seen}
    unstarted = (Unstarted(slot, each.name) for each in seen for slot in each.unstarted)
    return Looked(
        agents=tuple(each.name for each in seen if each.is_judged),
        unheard={**unheard, **dict.fromkeys(sorted(missing), "")},
        findings=tuple(chain.from_iterable(each.findings for each in seen)),
        undecided={each.name: each.decided_until for each in seen if each.decided_until},
        unstarted=tuple(sorted(unstarted)[:KEPT]),
        resting=tuple(each.name for each in seen if each.is_at_rest),
        last_start=last_start(list(chain.from_iterable(listed.values()))),
        runs=sum(queues.values()),
        queues=queues,
        served=served,
        notify={each.name: each.notify for each in seen if each.notify is not None},
        trouble=tuple(line for each in seen for line in each.trouble),
    )


def _is_run(run: OpenRun) -> bool:
    return run.id != keeper_id(run.agent)


def _queues(watched: list[Watched], seen: list[SeenAgent]) -> dict[str, int]:
    """Workflow queues, and how many runs at work are on each."""
    found = {each.queue: 0 for each in watched} | {run_queue(each.queue): 0 for each in watched}
    for run in chain.from_iterable(each.runs for each in seen):
        if _is_run(run):
            found[run.queue] = found.get(run.queue, 0) + 1
    return dict(sorted(found.items()))
