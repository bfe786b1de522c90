"""Topics as commands reach them: asked, told, and missed with a hint."""

from dataclasses import dataclass
from typing import TypeVar

from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from activities.server_errors import is_missing
from activities.side_by_side import side_by_side
from rota.ids import TOPIC_PREFIX, topic_id
from rota.topics.topic import PublishRequest, ReplayRequest, TalliedEvent, TopicSummary
from schedules.apply_errors import NoWorkerError
from schedules.explain import suggest
from schedules.subscriptions import TOPICS, live_subscribers
from workers.cli import roll_call
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.server import Link
from workers.cli.standing import ANSWER, ask_state

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class TopicView:
    """A topic as it stands now."""

    name: str
    subscribers: dict[str, str]
    """Name to fleet."""
    summary: TopicSummary | None
    """None: no worker answered."""


async def topic_names(link: Link) -> list[str]:
    """Return the events that have a topic, sorted; needs no worker."""
    return await roll_call.open_names(link.client, TOPICS, TOPIC_PREFIX)


async def ask_topic(
    link: Link, topic: str, query: str, kind: type[Answer], *arguments: object
) -> Answer:
    """Return a topic's answer to a query.

    Raises:
        CommandError: there is no such topic, exit code 4; suggests one.
        NoWorkerError: no worker answers for it.
    """
    answer = await ask_state(link, topic_id(topic), kind, query=query, arguments=arguments)
    if answer is None:
        raise await no_topic(link, topic)
    return answer


async def tell_topic(
    link: Link,
    topic: str,
    update: str,
    request: PublishRequest | ReplayRequest,
    kind: type[Answer],
) -> Answer:
    """Send a topic an update and return its answer.

    Raises:
        CommandError: there is no such topic, exit code 4; or it refuses, exit code 1.
        NoWorkerError: no worker answers for it.
    """
    handle = link.client.get_workflow_handle(topic_id(topic))
    try:
        return await handle.execute_update(update, request, result_type=kind, rpc_timeout=ANSWER)
    except WorkflowUpdateRPCTimeoutOrCancelledError:
        raise NoWorkerError(link.settings.task_queue) from None
    except WorkflowUpdateFailedError as error:
        cause = error.cause
        told = cause.message if isinstance(cause, ApplicationError) else str(cause)
        raise CommandError(told) from error
    except RPCError as error:
        if not is_missing(error):
            raise
        raise await no_topic(link, topic) from error


async def topic_views(link: Link) -> list[TopicView]:
    """Return every topic at a glance, those included that nobody serves at the moment.

    Raises:
        NoWorkerError: no worker answers for any of them.
    """
    names = await topic_names(link)
    summaries = await roll_call.states_of(link, TOPIC_PREFIX, names, TopicSummary, "summary")
    roll_call.require_any(link, summaries.values())

    async def view(name: str) -> TopicView:
        found = summaries[name]
        if found is None:
            return TopicView(name, await live_subscribers(link.client, name), None)
        fleets = {name: one.fleet for name, one in sorted(found.subscribers.items())}
        return TopicView(name, fleets, found)

    return await side_by_side(summaries, view)


async def events_behind(link: Link, topic: str, sequence: int) -> list[TalliedEvent]:
    """Return all recent events behind `sequence`, oldest first."""
    found: list[TalliedEvent] = []
    while True:
        page = await ask_topic(link, topic, "events", list[TalliedEvent], sequence)
        if not page:
            return found
        found += page
        sequence = page[-1].event.sequence


async def no_topic(link: Link, topic: str) -> CommandError:
    """Return the error that says how a topic comes to be."""
    known = await topic_names(link)
    hint = f"; {suggest(topic, known)}" if known else ""
    return CommandError(
        f"there is no topic '{topic}': one exists as soon as an applied agent or pipeline "
        f"subscribes to the event with 'on:', or has emitted it{hint}",
        ExitCode.NOT_FOUND,
    )
