"""`rota events`: publish, list, follow, replay, and what could not be delivered."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.stack import Stack, open_stack
from tests.workers.cli.command_line import Ended, end_of, rota, start
from tests.workflows.gates import poll
from tests.workflows.topics import DONE, Topic, runs_of
from workers.cli.exit_codes import ExitCode


@dataclass(frozen=True)
class Channel:
    """A topic with one subscriber, and the options with which commands find it."""

    topic: Topic
    agent: str

    @property
    def options(self) -> tuple[str, ...]:
        """What every command needs to find this corner of the server."""
        stack = self.topic.stack
        return (
            *("--fleet", str(stack.folder), "--address", stack.address),
            *("--store", stack.store.address, "--task-queue", stack.task_queue),
        )

    async def events(self, command: str, *arguments: str) -> Ended:
        """Run one `rota events` command on the topic."""
        return await rota("events", command, self.topic.event, *arguments, *self.options)


@pytest.fixture
async def channel(stack: Stack) -> AsyncIterator[Channel]:
    """A topic that one agent subscribes to, served by a worker in this process."""
    made = Channel(Topic(stack, "closed"), stack.name("settlement"))
    async with stack.worker():
        await stack.declare(made.agent, runtime=DONE)
        await made.topic.subscribe(made.agent, filter="payload.amount > 10")
        yield made


async def test_events_published_by_command_start_runs_once(channel: Channel) -> None:
    """The receipt says number and id; the same id again is no new event."""
    event = channel.topic.event
    arguments = ("--payload", '{"amount": 11}', "--id", "x", "--json")
    first = await channel.events("publish", *arguments)
    again = await channel.events("publish", *arguments)
    ids = await runs_of(channel.topic.stack, channel.agent, 1)
    receipt = {"topic": event, "sequence": 1, "id": f"x/{event}", "duplicate": False}
    assert (first.code, first.json) == (ExitCode.OK, receipt)
    assert again.json == {**receipt, "duplicate": True}
    assert ids == [f"{channel.agent}-event-x/{event}"]


async def test_events_published_from_a_file_are_told_in_a_line(channel: Channel) -> None:
    """`@FILE` is read; without `--json` a sentence says what happened."""
    path = channel.topic.stack.folder / "event.json"
    path.write_text('{"amount": 3}')
    ended = await channel.events("publish", "--payload", f"@{path}")
    assert ended.code == ExitCode.OK
    assert f"{channel.topic.event}: event 1 is published, its id is" in ended.out


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--payload", "[1]"), ExitCode.WRONG, "expected a JSON object"),
        (("--payload", "{"), ExitCode.WRONG, "not JSON"),
        (("--id", "x" * 501), ExitCode.WRONG, "--id: String should have at most 500"),
    ],
)
async def test_events_that_cannot_be_published_end_with_one_line(
    channel: Channel, arguments: tuple[str, ...], code: ExitCode, told: str
) -> None:
    """Nothing is sent, nothing becomes a dead letter."""
    ended = await channel.events("publish", *arguments)
    assert ended.code == code
    assert told in ended.err
    assert (await channel.topic.summary()).dead == 0


async def test_events_refused_by_the_topic_end_with_1(channel: Channel) -> None:
    """The topic's own words are told."""
    path = channel.topic.stack.folder / "event.json"
    path.write_text(json.dumps({"text": "x" * 300_000}))
    ended = await channel.events("publish", "--payload", f"@{path}")
    assert ended.code == ExitCode.FAILED
    assert "not published: the payload has 300011 bytes" in ended.err


@pytest.mark.parametrize(
    "command", [("publish",), ("list",), ("tail",), ("replay", "--last", "1"), ("dead",)]
)
async def test_events_of_a_topic_that_is_not_there_end_with_4(
    channel: Channel, command: tuple[str, ...]
) -> None:
    """The line says how a topic comes to be."""
    name, *rest = command
    subscriber = [channel.agent] if name == "replay" else []
    typo = channel.topic.event.replace("closed", "clsoed")

    ended = await rota("events", name, typo, *subscriber, *rest, *channel.options)
    assert ended.code == ExitCode.NOT_FOUND
    assert f"there is no topic '{typo}': " in ended.err
    assert "subscribes to the event with 'on:'" in ended.err


async def test_events_are_listed_with_what_became_of_them(channel: Channel) -> None:
    """One row an event: started, filtered, dead or still waiting."""
    for amount in (10, 11):
        await channel.topic.publish(id=str(amount), payload={"amount": amount})
    await channel.topic.quiet(2)
    listed = await channel.events("list", "--json")
    shown = await channel.events("list")
    keys = ("sequence", "id", "payload", "deliveries", "started", "filtered", "dead", "waiting")
    assert [[found[key] for key in keys] for found in listed.json] == [
        [1, f"10/{channel.topic.event}", {"amount": 10}, 1, 0, 1, 0, 0],
        [2, f"11/{channel.topic.event}", {"amount": 11}, 1, 1, 0, 0, 0],
    ]
    assert "1 filtered" in shown.out
    assert "1 started" in shown.out


async def test_topics_are_listed_with_subscribers_and_counts(
    channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those included whose worker is gone: their subscribers are known, not their counts."""
    lonely = Topic(await open_stack(channel.topic.stack.address, tmp_path / "lonely"), "lonely")
    async with lonely.stack.worker():
        await lonely.subscribe("reader", fleet="sales")
    await channel.topic.publish(payload={"amount": 11})
    await channel.topic.quiet(1)
    monkeypatch.setattr("workers.cli.roll_call.PATIENCE", timedelta(seconds=1))

    async def both() -> dict[str, Any] | None:
        ended = await rota("events", "list", "--json", *channel.options)
        assert ended.code == ExitCode.OK, ended.err
        found = {topic["topic"]: topic for topic in ended.json}
        return found if {channel.topic.event, lonely.event} <= set(found) else None

    found = await poll(both)
    assert found[lonely.event]["subscribers"] == {"reader": "sales"}
    assert found[lonely.event]["published"] is None
    assert found[lonely.event]["trouble"] == "no worker answers for it"
    assert found[channel.topic.event] == {
        "topic": channel.topic.event,
        "subscribers": {channel.agent: "test"},
        **{"published": 1, "waiting": 0, "delivered": 1, "filtered": 0, "dead": 0, "trouble": ""},
    }
    shown = await rota("events", "list", *channel.options)
    assert channel.agent in shown.out


async def test_events_are_followed_until_ctrl_c(channel: Channel) -> None:
    """From the sequence asked for, and on as they come; Ctrl-C ends with 130."""
    await channel.topic.publish(id="old", payload={"amount": 1})
    following = start(
        "events", "tail", channel.topic.event, "--since", "0", "--json", *channel.options
    )
    try:
        assert following.stdout is not None
        old = json.loads(await asyncio.to_thread(following.stdout.readline))
        await channel.topic.publish(id="new", payload={"amount": 2})
        new = json.loads(await asyncio.to_thread(following.stdout.readline))
        following.send_signal(signal.SIGINT)
        ended = await end_of(following)
    finally:
        if following.poll() is None:
            following.kill()
            following.wait()
    assert [found["sequence"] for found in (old, new)] == [1, 2]
    assert new["payload"] == {"amount": 2}
    assert ended.code == ExitCode.INTERRUPTED


async def test_events_followed_for_a_count_end_by_themselves(channel: Channel) -> None:
    """One line each: number, time, id, payload."""
    for amount in (1, 2, 3):
        await channel.topic.publish(id=str(amount), payload={"amount": amount})
    ended = await channel.events("tail", "--since", "1", "--count", "2")
    assert ended.code == ExitCode.OK
    second, third = ended.out.splitlines()
    assert second.startswith("2  20")
    assert third.endswith(f'3/{channel.topic.event}  {{"amount": 3}}')


async def test_events_replayed_reach_a_new_subscriber(channel: Channel) -> None:
    """As many as asked for; a name that does not subscribe ends with a line."""
    topic, new = channel.topic, channel.topic.stack.name("new")
    for amount in (1, 2, 3):
        await topic.publish(id=str(amount), payload={"amount": amount})
    await topic.stack.declare(new, runtime=DONE)
    await topic.subscribe(new)
    ended = await channel.events("replay", new, "--last", "2", "--json")
    ids = await runs_of(topic.stack, new, 2)
    refused = await channel.events("replay", "nobody", "--last", "2")
    assert ended.json == {"topic": topic.event, "subscriber": new, "events": 2}
    assert sorted(ids) == [f"{new}-event-{n}/{topic.event}" for n in (2, 3)]
    assert refused.code == ExitCode.NOT_FOUND
    assert f"'nobody' does not subscribe to '{topic.event}'" in refused.err


async def test_dead_letters_are_listed_with_their_reasons(channel: Channel) -> None:
    """What was refused, and what could not be delivered."""
    topic, picky = channel.topic, channel.topic.stack.name("picky")
    none = await channel.events("dead")
    await topic.subscribe(picky, input={"account": "{payload.account}"})
    await topic.handle.signal("publish", {"amount": 3})
    await topic.publish(id="x", payload={"amount": 3})
    await topic.quiet(1)
    listed = (await channel.events("dead", "--json")).json
    shown = await channel.events("dead")
    assert "no dead letters" in none.err
    assert [(letter["event_id"], letter["subscriber"]) for letter in listed] == [
        ("", ""),
        (f"x/{topic.event}", picky),
    ]
    assert "amount: Extra inputs are not permitted" in listed[0]["reason"]
    assert "account" in shown.out
