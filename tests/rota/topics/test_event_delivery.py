"""What an event means to a subscriber."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rota.coordination.lineage import EVENT_DEPTH
from rota.coordination.spec import SubscriptionSpec
from rota.language.templates import TemplateError
from rota.topics.delivery import endless, event_input, event_lineage, event_scope, wanted
from rota.topics.topic import Event

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
    ("published", "root", "parent", "depth"),
    [
        ({"source": "r1", "root": "r1"}, "r1", "r1", 1),
        ({"source": "r2", "root": "r0", "depth": 3}, "r0", "r2", 4),
        ({}, "s-event-1", "topic:books.closed", 1),
    ],
)
def test_lineage_goes_on_from_the_publishing_run_if_there_is_one(
    published: dict[str, Any], root: str, parent: str, depth: int
) -> None:
    """Effects are keyed by the event, so that no repetition of its run repeats them."""
    event = EVENT.model_copy(update=published)
    lineage = event_lineage(event, "s-event-1", "topic:books.closed")
    assert (lineage.root, lineage.parent, lineage.depth) == (root, parent, depth)
    assert lineage.occasion == "event:r1/books.closed"


def test_event_too_far_below_its_root_starts_nothing_more() -> None:
    """Agents whose events start one another stop, and the reason says how to mend it."""
    last = EVENT.model_copy(update={"source": "b-9", "root": "a-1", "depth": EVENT_DEPTH - 1})
    assert endless(last, "books.closed") is None
    assert event_lineage(last, "s-event-1", "topic:books.closed").depth == EVENT_DEPTH
    reason = endless(last.model_copy(update={"depth": EVENT_DEPTH}), "books.closed")
    assert reason is not None
    assert reason.startswith(f"b-9 is {EVENT_DEPTH} runs below a-1, and no event starts a run more")
    assert "end it with a 'filter'" in reason
    assert "rota events publish books.closed" in reason
