"""What an event means to a subscriber."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rota.coordination_spec import SubscriptionSpec
from rota.event_delivery import event_input, event_lineage, event_scope, wanted
from rota.template import TemplateError
from rota.topic import Event

EVENT = Event(sequence=3, id="r1/books.closed", at=datetime(2026, 11, 22, 6, 0, tzinfo=UTC))
PAYLOAD = {"amount": 1200, "lines": [{"account": "DE12"}]}
SCOPE = event_scope("books.closed", EVENT, PAYLOAD)


def subscription(**given: Any) -> SubscriptionSpec:
    """A subscription to the event."""
    return SubscriptionSpec(event="books.closed", **given)


@pytest.mark.parametrize(
    ("filter", "passes"),
    [
        (None, True),
        ("payload.amount > 1000", True),
        ("payload.amount > 2000", False),
        ("payload.missing", False),
        ('event.name == "books.closed" and event.id == "r1/books.closed"', True),
    ],
)
def test_filter_looks_at_event_and_payload(filter: str | None, passes: bool) -> None:
    """Without one every event is wanted; what is not there counts as null."""
    assert wanted(subscription(filter=filter), SCOPE) is passes


def test_input_without_templates_is_the_whole_event() -> None:
    """Plain JSON, its time as text."""
    assert event_input(subscription(), SCOPE) == {
        "event": {
            "id": "r1/books.closed",
            "name": "books.closed",
            "at": "2026-11-22T06:00:00Z",
            "payload": PAYLOAD,
        }
    }


def test_input_templates_keep_the_types_of_what_they_name() -> None:
    """A number stays a number; what is missing is an error that names it."""
    given = {"amount": "{payload.amount}", "of": "{event.id} by {payload.lines.0.account}"}
    filled = event_input(subscription(input=given), SCOPE)
    assert filled == {"amount": 1200, "of": "r1/books.closed by DE12"}
    with pytest.raises(TemplateError, match="no 'currency'"):
        event_input(subscription(input={"currency": "{payload.currency}"}), SCOPE)


@pytest.mark.parametrize(
    ("source", "root", "parent"), [("r1", "r1", "r1"), ("", "s-event-1", "topic:books.closed")]
)
def test_lineage_begins_with_the_publishing_run_if_there_is_one(
    source: str, root: str, parent: str
) -> None:
    """Effects are keyed by the event, so that no repetition of its run repeats them."""
    event = EVENT.model_copy(update={"source": source})
    lineage = event_lineage(event, "s-event-1", "topic:books.closed")
    assert (lineage.root, lineage.parent) == (root, parent)
    assert lineage.occasion == "event:r1/books.closed"
