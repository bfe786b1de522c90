"""Topics as tests use them: subscribe, publish, wait for what was delivered."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowHandle

from rota.coordination.spec import SubscriptionSpec
from rota.ids import topic_id
from rota.topics.topic import DeadLetter, Published, Subscriber, TopicState, TopicSummary
from schedules.subscriptions import subscribe
from tests.stack import Stack, script
from tests.workflows.gates import poll

DONE = script({"result": "done"})
PATIENCE = timedelta(seconds=20)


class Topic:
    """One topic of a stack, with a name of its own."""

    def __init__(self, stack: Stack, base: str) -> None:
        self.stack = stack
        self.event = stack.name(base)

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """The workflow."""
        return self.stack.client.get_workflow_handle(topic_id(self.event))

    def subscriber(self, name: str, fleet: str = "test", **subscription: Any) -> Subscriber:
        """A subscription of an agent."""
        return Subscriber(
            name=name,
            fleet=fleet,
            task_queue=self.stack.task_queue,
            subscription=SubscriptionSpec(event=self.event, **subscription),
        )

    async def subscribe(self, name: str, fleet: str = "test", **subscription: Any) -> None:
        """Subscribe an agent the way `rota apply` does; needs a worker."""
        await subscribe(
            self.stack.client, self.subscriber(name, fleet, **subscription), self.event, PATIENCE
        )

    async def publish(self, **request: Any) -> Published:
        """Publish and return the receipt."""
        return await self.handle.execute_update("publish", request, result_type=Published)

    async def summary(self) -> TopicSummary:
        """The topic at a glance."""
        return await self.handle.query("summary", result_type=TopicSummary)

    async def state(self) -> TopicState:
        """The whole state."""
        return await self.handle.query("state", result_type=TopicState)

    async def dead(self) -> list[DeadLetter]:
        """The dead letters."""
        return await self.handle.query("dead", result_type=list[DeadLetter])

    async def until(
        self, seen: Callable[[TopicSummary], bool], seconds: float = 20.0
    ) -> TopicSummary:
        """Return the summary as soon as it looks as it should."""

        async def ask() -> TopicSummary | None:
            summary = await self.summary()
            return summary if seen(summary) else None

        return await poll(ask, seconds)

    async def quiet(self, published: int, seconds: float = 20.0) -> TopicSummary:
        """Wait until so many events are published and nothing is left to deliver."""
        return await self.until(lambda s: s.published == published and s.waiting == 0, seconds)


async def runs_of(stack: Stack, name: str, count: int) -> list[str]:
    """Return the ids of an agent's runs as its ledger has them, once there are so many."""

    async def ask() -> list[str] | None:
        state = await stack.keeper(name)
        ids = [entry.run.id for entry in state.ledger.values() if entry.run]
        return ids if len(ids) >= count else None

    return await poll(ask)


async def start_times(stack: Stack, run_ids: list[str]) -> list[str]:
    """Return `run_ids` in the order in which the runs were started."""
    started = [
        ((await stack.client.get_workflow_handle(id).describe()).start_time, id) for id in run_ids
    ]
    return [id for _, id in sorted(started)]
