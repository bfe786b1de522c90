"""`rota events`: topics and their events, published, listed, followed and replayed."""

import asyncio
import json

import click
from pydantic import ValidationError

from rota.topics.subscriptions import SubscriptionError, require_subscriber
from rota.topics.topic import (
    RECENT_EVENTS,
    DeadLetter,
    Published,
    PublishRequest,
    ReplayRequest,
    TopicSummary,
)
from workers.cli.command_error import CommandError
from workers.cli.event_view import (
    event_document,
    event_line,
    print_events,
    print_letters,
    print_topics,
    topic_document,
)
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, server_options
from workers.cli.output import print_json, remark
from workers.cli.run_input import read_document
from workers.cli.server import Link, with_server
from workers.cli.topic_link import ask_topic, events_behind, tell_topic, topic_views
from workers.settings import Settings

LOOK_AGAIN_SECONDS = 0.5
_EVENT = (
    "{topic, sequence, id, at, source, payload, payload_digest, deliveries, started, filtered, "
    "dead, waiting}"
)


@click.group("events")
def events_command() -> None:
    """Publish events to topics; list, follow and replay them.

    Example: rota events publish reconciliation.completed --payload '{"account": "DE12"}'
    """


@command(
    "publish",
    example=(
        'rota events publish reconciliation.completed --payload \'{"account": "DE12"}\'',
        "rota events publish reconciliation.completed --payload @event.json --id 2026-11-22",
    ),
    json="{topic, sequence, id, duplicate}",
)
@server_options
@click.argument("topic")
@click.option("--payload", metavar="JSON|@FILE", help="What the event says: a JSON object.")
@click.option("--id", "event_id", default="", help="Published again under this id, it is known.")
@click.option("--trusted", is_flag=True, help="Nobody outside the team wrote any of the payload.")
def publish_command(
    settings: Settings,
    topic: str,
    payload: str | None,
    event_id: str,
    trusted: bool,
    as_json: bool,
) -> None:
    """Publish an event: every subscriber whose filter it passes gets one run.

    The runs are marked as working with what others may have written, unless it is --trusted.
    """
    read = read_document(payload, "--payload") if payload is not None else None
    try:
        request = PublishRequest(id=event_id, payload=read, trusted=trusted)
    except ValidationError as error:
        raise click.BadParameter(f"--id: {error.errors()[0]['msg']}") from error
    told = with_server(
        settings, lambda link: tell_topic(link, topic, "publish", request, Published)
    )
    if told.refused:
        raise CommandError(f"not published: {told.refused}")
    if as_json:
        print_json({"topic": topic, **told.model_dump(mode="json", exclude={"refused"})})
        return
    how = "was published before" if told.duplicate else "is published"
    click.echo(f"{topic}: event {told.sequence} {how}, its id is {told.id}")


@command(
    "list",
    example=("rota events list", "rota events list reconciliation.completed"),
    json="[{topic, subscribers, published, waiting, delivered, filtered, dead, trouble}]; with "
    f"TOPIC [{_EVENT}]",
)
@server_options
@click.argument("topic", required=False)
def list_command(settings: Settings, topic: str | None, as_json: bool) -> None:
    """List the topics; with TOPIC its recent events and what became of them."""
    if topic is None:
        views = with_server(settings, topic_views)
        if as_json:
            print_json([topic_document(view) for view in views])
        elif views:
            print_topics(views)
        else:
            remark("no topics: no applied agent subscribes to an event, and none has emitted one")
        return
    events = with_server(settings, lambda link: events_behind(link, topic, 0))
    if as_json:
        print_json([event_document(topic, event) for event in events])
    elif events:
        print_events(events)
    else:
        remark(f"{topic}: no events yet")


@command(
    "tail",
    example=(
        "rota events tail reconciliation.completed",
        "rota events tail reconciliation.completed --since 0 --json",
    ),
    json=f"one line for each event: {_EVENT}",
)
@server_options
@click.argument("topic")
@click.option(
    "--since",
    type=click.IntRange(0),
    help="Begin behind this sequence number; 0: with the oldest kept. Default: with the next.",
)
@click.option("--count", type=click.IntRange(1), help="End after so many events.")
def tail_command(
    settings: Settings, topic: str, since: int | None, count: int | None, as_json: bool
) -> None:
    """Follow a topic: print each event as it is published, until Ctrl-C."""
    try:
        with_server(settings, lambda link: _follow(link, topic, since, count, as_json))
    except KeyboardInterrupt:
        # How it is meant to end: nothing to tell.
        raise click.exceptions.Exit(ExitCode.INTERRUPTED) from None


@command(
    "replay",
    example="rota events replay reconciliation.completed settlement --last 5",
    json="{topic, subscriber, events}",
)
@server_options
@click.argument("topic")
@click.argument("subscriber")
@click.option(
    "--last", type=click.IntRange(1, RECENT_EVENTS), required=True, help="How many events."
)
def replay_command(
    settings: Settings, topic: str, subscriber: str, last: int, as_json: bool
) -> None:
    """Deliver the last events to one subscriber, for example a new one.

    An event whose run exists already starts no other.
    """
    request = ReplayRequest(subscriber=subscriber, last=last)

    async def replay(link: Link) -> int:
        known = (await ask_topic(link, topic, "summary", TopicSummary)).subscribers
        try:
            require_subscriber(known, topic, subscriber)
        except SubscriptionError as error:
            raise CommandError(str(error), ExitCode.NOT_FOUND) from error
        return await tell_topic(link, topic, "replay", request, int)

    count = with_server(settings, replay)
    if as_json:
        print_json({"topic": topic, "subscriber": subscriber, "events": count})
    else:
        click.echo(f"{topic}: {count} events are delivered to {subscriber}, in their order")


@command(
    "dead",
    example="rota events dead reconciliation.completed",
    json="[{at, event_id, sequence, subscriber, reason}], oldest first",
)
@server_options
@click.argument("topic")
def dead_command(settings: Settings, topic: str, as_json: bool) -> None:
    """List what could not be delivered, or not be accepted, and why."""
    letters = with_server(settings, lambda link: ask_topic(link, topic, "dead", list[DeadLetter]))
    if as_json:
        print_json([letter.model_dump(mode="json") for letter in letters])
        return
    if not letters:
        remark(f"{topic}: no dead letters")
        return
    print_letters(letters)


for _command in (publish_command, list_command, tail_command, replay_command, dead_command):
    events_command.add_command(_command)


async def _follow(
    link: Link, topic: str, since: int | None, count: int | None, as_json: bool
) -> None:
    if since is None:
        since = (await ask_topic(link, topic, "summary", TopicSummary)).published
    seen = 0
    while True:
        for found in await events_behind(link, topic, since):
            if since and found.event.sequence > since + 1:
                remark(f"events {since + 1} to {found.event.sequence - 1} are not kept any more")
            since = found.event.sequence
            click.echo(json.dumps(event_document(topic, found)) if as_json else event_line(found))
            seen += 1
            if seen == count:
                return
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
