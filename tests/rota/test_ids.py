"""Ids and slots as people read them, and back."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.ids import (
    LONGEST,
    format_slot,
    handoff_run_id,
    keeper_id,
    keeper_queue,
    manual_run_id,
    node_run_id,
    parse_slot,
    scheduled_run_id,
    watch_queue,
)

BERLIN = timezone(timedelta(hours=1))
SIX = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


def test_ids_are_pinned() -> None:
    """Ids are in schedules, histories and people's heads: they must not change."""
    assert keeper_id("report") == "agent:report"
    assert keeper_queue("rota") == "rota-keepers"
    assert watch_queue("rota") == "rota-watches"
    assert scheduled_run_id("report", SIX) == "report-2026-11-22T06:00:00Z"
    local = datetime(2026, 11, 22, 7, 15, 3, tzinfo=BERLIN)
    assert manual_run_id("report", local, "4f2a") == "report-manual-20261122T061503-4f2a"


@given(
    st.datetimes(
        min_value=datetime(1970, 1, 1),
        max_value=datetime(9990, 1, 1),
        timezones=st.sampled_from([UTC, BERLIN]),
    )
)
def test_slot_reads_back_to_the_second(at: datetime) -> None:
    """Slots are whole seconds in UTC, whatever zone they came in."""
    assert parse_slot(format_slot(at)) == at.replace(microsecond=0)


@pytest.mark.parametrize("text", ["2026-11-22T07:00:00+01:00", "2026-11-22T06:00Z"])
def test_parse_slot_any_offset_is_utc(text: str) -> None:
    """An offset is honoured."""
    assert parse_slot(text) == SIX
    assert parse_slot(text).tzinfo is UTC


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-22T06:00:00", "2026-13-01T00:00:00Z"])
def test_parse_slot_bad_text_shows_the_form(text: str) -> None:
    """A time without an offset is refused: it could be anybody's six o'clock."""
    with pytest.raises(ValueError, match="is not a slot; write for example 2026-11-22T06:00:00Z"):
        parse_slot(text)


def test_ids_below_a_run_with_a_long_id_fit_and_stay_apart() -> None:
    """The server would refuse a longer one again and again, and the run would hang."""
    above = ["x" * LONGEST, "y" * LONGEST, "\u00e4" * (LONGEST // 2)]
    ids = [node_run_id(run, "mail", attempt) for run in above for attempt in (1, 2)]
    ids += [handoff_run_id(run, "mail", 1, index) for run in above for index in (0, 1)]
    assert all(len(id.encode()) <= LONGEST for id in ids)
    assert len(set(ids)) == len(ids)
    assert len(node_run_id("x" * (LONGEST - 2), "a", 1)) == LONGEST
