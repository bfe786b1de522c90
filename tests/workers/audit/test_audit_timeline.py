"""The picture of a run in time."""

from datetime import timedelta
from typing import Any

from rota.audit.histories import Span, spans_of
from tests.rota.audit.audit_records import BEGAN, history
from workers.audit.timeline import LABELS, MOST_ROWS, timeline_of
from workers.picture.time_axis import WIDTH

END = BEGAN + timedelta(minutes=10)


def span(second: int, seconds: int, **told: Any) -> Span:
    """Something that took a while."""
    begun = BEGAN + timedelta(seconds=second)
    facts: dict[str, Any] = {
        "kind": "step",
        "name": "run_tool",
        "label": "tool x",
        "outcome": "completed",
        **told,
    }
    return Span(start=begun, end=begun + timedelta(seconds=seconds), **facts)


def test_bars_lie_where_their_time_is() -> None:
    """A step of the second half begins in the middle; all of them stay within the picture."""
    picture = timeline_of([span(0, 300), span(300, 300), span(599, 900)], BEGAN, END)
    first, second, late = picture.bars
    middle = (WIDTH - 10 + LABELS) / 2
    assert (first.x, second.x) == (LABELS, middle)
    assert first.width == second.width == middle - LABELS
    assert late.x + late.width <= WIDTH
    assert [row.text for row in picture.rows] == ["tool x"] * 3


def test_step_that_failed_is_shown_as_bad_and_a_wait_is_not() -> None:
    """Whoever looks finds what went wrong."""
    spans = [span(0, 1, outcome="failed"), span(1, 1, kind="wait", name="", outcome="failed")]
    assert [bar.kind for bar in timeline_of(spans, BEGAN, END).bars] == ["bad", "wait"]


def test_many_steps_share_a_row_for_each_kind() -> None:
    """Ten thousand bars are a picture still, and those at the same place are one."""
    spans = [span(number % 600, 0) for number in sorted(range(10_000), key=lambda n: n % 600)]
    picture = timeline_of(spans, BEGAN, END)
    assert [row.text for row in picture.rows] == ["tool calls"]
    assert len(picture.bars) <= 1200
    assert len(timeline_of(spans[:MOST_ROWS], BEGAN, END).rows) == MOST_ROWS


def test_run_without_length_has_a_picture() -> None:
    """One that was skipped at once."""
    assert timeline_of([], BEGAN, BEGAN).bars == ()


def test_spans_of_a_history_know_label_outcome_attempt_and_what_came() -> None:
    """As the Temporal UI shows them."""
    first, second = spans_of([history("r", 2)])
    assert (first.label, first.name, first.outcome) == ("turn 1", "invoke_model", "completed")
    assert (first.attempt, second.attempt) == (1, 2)
    assert first.given["turn"] == 1
    assert second.came["head"].endswith("1")
    assert first.end is not None
    assert first.start < first.end < second.start
