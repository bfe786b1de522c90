"""What is shown of topics and events: tables, lines, JSON."""

import json
from typing import Any

from rich.text import Text

from rota.topics.topic import DeadLetter, TalliedEvent, Tally
from workers.cli.output import format_time, print_table, remark, table
from workers.cli.topic_link import TopicView

PAYLOAD_SHOWN = 200
"""Characters of a payload in one line of `tail`."""
SILENT = "no worker answers for it"


def print_letters(letters: list[DeadLetter]) -> None:
    """Print dead letters, one row each."""
    made = table("AT", "EVENT", "SUBSCRIBER", "REASON")
    for letter in letters:
        made.add_row(
            format_time(letter.at),
            Text(letter.event_id or "-"),
            letter.subscriber or "-",
            Text(letter.reason),
        )
    print_table(made)


def print_topics(views: list[TopicView]) -> None:
    """Print topics, one row each, and what troubles them."""
    counts = ("EVENTS", "WAITING", "STARTED", "FILTERED", "DEAD")
    made = table("TOPIC", *counts, "SUBSCRIBERS", right=counts)
    for view in views:
        found = view.summary
        numbers = ("-",) * len(counts)
        if found is not None:
            known = (found.published, found.waiting, found.delivered, found.filtered, found.dead)
            numbers = tuple(map(str, known))
        made.add_row(view.name, *numbers, ", ".join(view.subscribers) or "-")
    print_table(made)
    for view in views:
        if trouble := _trouble(view):
            remark(f"{view.name}: {trouble}")


def print_events(events: list[TalliedEvent]) -> None:
    """Print events, one row each."""
    made = table("SEQ", "AT", "ID", "DELIVERIES", right=("SEQ",))
    for found in events:
        event = found.event
        made.add_row(
            str(event.sequence), format_time(event.at), Text(event.id), _deliveries(found.tally)
        )
    print_table(made)


def _deliveries(tally: Tally) -> str:
    counts = {
        "started": tally.started,
        "filtered": tally.filtered,
        "dead": tally.dead,
        "waiting": tally.waiting,
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "to nobody"


def event_line(found: TalliedEvent) -> str:
    """Return an event as `tail` prints it: one line, a long payload cut off."""
    event = found.event
    shown = json.dumps(event.payload, ensure_ascii=False) if event.payload is not None else ""
    if event.payload_digest:
        shown = f"payload {event.payload_digest} in the store"
    if len(shown) > PAYLOAD_SHOWN:
        shown = f"{shown[:PAYLOAD_SHOWN]}… ({event.size} bytes)"
    return f"{event.sequence}  {format_time(event.at)}  {event.id}  {shown}".rstrip()


def event_document(topic: str, found: TalliedEvent) -> dict[str, Any]:
    """Return an event and its tally as `--json` prints them."""
    event = found.event.model_dump(mode="json", exclude={"size"})
    return {"topic": topic, **event, **found.tally.model_dump(), "waiting": found.tally.waiting}


def topic_document(view: TopicView) -> dict[str, Any]:
    """Return a topic as `--json` prints it; counts are null if no worker answered."""
    found = view.summary
    counts = ("published", "waiting", "delivered", "filtered", "dead")
    return {
        "topic": view.name,
        "subscribers": view.subscribers,
        **{count: getattr(found, count) if found else None for count in counts},
        "trouble": _trouble(view),
    }


def _trouble(view: TopicView) -> str:
    if view.summary is None:
        return SILENT
    trouble = view.summary.trouble
    return f"deliveries fail and are tried again: {trouble}" if trouble else ""
