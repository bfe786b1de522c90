"""What an event means to one subscriber: whether it wants it, and its run's input.

Pure: the same event gives the same run, whoever delivers it and however often.
"""

from typing import Any

from rota.coordination.lineage import EVENT_DEPTH, Lineage
from rota.coordination.spec import SubscriptionSpec
from rota.language.conditions import holds
from rota.language.templates import render
from rota.topics.topic import Event


def event_scope(topic: str, event: Event, payload: Any) -> dict[str, Any]:
    """Return what filters and input templates see: `event` and `payload`."""
    at = event.model_dump(mode="json", include={"at"})["at"]
    return {"event": {"id": event.id, "name": topic, "at": at}, "payload": payload}


def wanted(subscription: SubscriptionSpec, scope: dict[str, Any]) -> bool:
    """Return whether the subscription's filter lets the event through."""
    return subscription.filter is None or holds(subscription.filter, scope)


def event_input(subscription: SubscriptionSpec, scope: dict[str, Any]) -> dict[str, Any]:
    """Return the input of the run that the event starts.

    Raises:
        TemplateError: the event lacks what a template names.
    """
    if subscription.input is None:
        return {"event": {**scope["event"], "payload": scope["payload"]}}
    rendered: dict[str, Any] = render(subscription.input, scope)
    return rendered


def endless(event: Event, topic: str) -> str | None:
    """Return why the event starts nothing: too many runs have led to it; None if it may."""
    if event.depth < EVENT_DEPTH:
        return None
    return (
        f"{event.source} is {event.depth} runs below {event.root}, and no event starts a run more "
        f"than {EVENT_DEPTH} below: if agents start one another in a circle, end it with a "
        "'filter' in one 'on'; if not, publish it from outside ('rota events publish "
        f"{topic}'), where a new chain begins"
    )


def event_lineage(event: Event, run_id: str, topic_id: str) -> Lineage:
    """Return the place of the run `run_id` below what published the event."""
    return Lineage(
        root=event.root or event.source or run_id,
        parent=event.source or topic_id,
        depth=event.depth + 1,
        occasion=f"event:{event.id}",
        tainted=event.tainted,
    )
