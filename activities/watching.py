"""`look_at_agents`, `send_beat`: what the Watchdog has looked at for it."""

from itertools import chain

from temporalio import activity
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from activities.heartbeat import heartbeating
from activities.interface import Watching
from activities.pollers import pollers
from activities.providers.json_calls import JsonCalls
from activities.secrets import Secrets
from activities.side_by_side import side_by_side
from activities.stores.base import ObjectStore
from activities.watchdog.agents import AgentLook, SeenAgent, last_start
from activities.watchdog.beating import send_beat
from activities.watchdog.listing import Watched, keepers, runs_of
from activities.watchdog.quiet import Declarations
from rota.failures import MESSAGE_LIMIT, StepError
from rota.ids import keeper_id, run_queue
from rota.watchdog.looks import Beat, Looked, LookOrder

_WORKFLOWS = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
_ACTIVITIES = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY


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

    @activity.defn(name="look_at_agents")
    async def look_at_agents(self, order: LookOrder) -> Looked:
        """Judge one page of the fleet's agents.

        Raises:
            temporalio.service.RPCError: retryable; the server did not answer.
        Idempotency: it changes nothing.
        Heartbeat: every second.
        """
        async with heartbeating(f"agents of {order.fleet}"):
            watched, following = await keepers(self._client, order.fleet, order.page)
            if not watched:
                return Looked(next_page=following)
            listed = await runs_of(self._client, watched, order.since)
            served = await self._served({each.queue for each in watched})
            agent = AgentLook(self._client, self._store, order, self._declared)

            async def look(one: Watched) -> SeenAgent:
                return await agent.look(one, listed[one.name], asked=served[one.queue])

            seen = await side_by_side(watched, look)
            queues = _queues(watched, seen)
            served |= await self._served(set(queues) - set(served))
            runtimes = {queue for each in seen for queue in each.runtime_queues}
            calls = await self._served(runtimes, _ACTIVITIES)
        return Looked(
            next_page=following,
            agents=tuple(each.name for each in seen if each.is_judged),
            unheard=tuple(each.name for each in seen if not each.is_judged),
            findings=tuple(chain.from_iterable(each.findings for each in seen)),
            undecided={each.name: each.decided_until for each in seen if each.decided_until},
            unstarted=tuple(sorted(set(chain.from_iterable(each.unstarted for each in seen)))),
            last_start=last_start([run for runs in listed.values() for run in runs]),
            runs=sum(queues.values()),
            queues=queues,
            served={**served, **calls},
            notify={each.name: each.notify for each in seen if each.notify},
            trouble=tuple(line for each in seen for line in each.trouble),
        )

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
                self._secrets.redact(str(error))[:MESSAGE_LIMIT],
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


def _queues(watched: list[Watched], seen: list[SeenAgent]) -> dict[str, int]:
    """Workflow queues, and how many runs at work are on each."""
    found = {each.queue: 0 for each in watched} | {run_queue(each.queue): 0 for each in watched}
    for run in chain.from_iterable(each.runs for each in seen):
        if run.id != keeper_id(run.agent):
            found[run.queue] = found.get(run.queue, 0) + 1
    return dict(sorted(found.items()))
