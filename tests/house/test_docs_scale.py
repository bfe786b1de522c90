"""What docs/scale.md reckons comes from its code, and the code from what was measured."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.lost_workers import seconds_between_beats
from rota.pinned_spec import PinnedSpec
from tests.bench.clock import Clock, clocks, drawn, jittered, mix_table, slots, table
from tests.bench.reckoning import KIB, SELDOM, Run, cloud_dollars
from tests.bench.reckoning import table as reckoning_table
from tests.house.documentation import tables
from tests.house.repository import ROOT
from workflows.activity_options import heartbeat_timeout

PATIENT = PinnedSpec(
    digest="0", name="agent", runtime_kind="scripted", lost_after=timedelta(minutes=1)
)
PAGE = ROOT / "docs" / "scale.md"


@given(
    st.dictionaries(st.integers(0, 86_399), st.integers(1, 50), max_size=20),
    st.integers(0, 900),
    st.integers(0, 2**32),
)
def test_jitter_loses_no_slot_and_moves_none_too_far(
    nominal: dict[int, int], seconds: int, seed: int
) -> None:
    """As many start as have a slot, none before its time, none later than jitter lets it."""
    day = jittered(nominal, timedelta(seconds=seconds), seed)
    assert day.total == sum(nominal.values())
    assert sum(day.minutes.values()) == day.total
    for moment in (0, *nominal, *day.starts):
        by_then = sum(count for second, count in day.starts.items() if second <= moment)
        due = sum(count for second, count in nominal.items() if second <= moment)
        must = sum(count for second, count in nominal.items() if second <= moment - seconds)
        assert must <= by_then <= due


def test_day_has_the_slots_of_its_schedules() -> None:
    """An hourly one has 24, of a zone half an hour off as well; one on Sundays has none."""
    found = slots({("0 * * * *", "Asia/Kolkata"): 2, ("0 9 * * 0", "UTC"): 5})
    assert found == Counter({hour * 3600 + 1800: 2 for hour in range(24)})


def test_drawn_schedules_are_as_many_as_asked_for_and_the_same_each_time() -> None:
    """By the seed, and nothing else."""
    assert drawn(500, 7).total() == 500
    assert drawn(500, 7) == drawn(500, 7) != drawn(500, 8)


@pytest.mark.parametrize(
    ("starts", "rate", "seconds"),
    [({0: 30}, 30, 0), ({0: 31}, 30, 1), ({0: 60, 1: 30}, 30, 1), ({0: 90, 9: 30}, 30, 2)],
)
def test_last_start_waits_for_those_before_it(
    starts: dict[int, int], rate: int, seconds: int
) -> None:
    """What does not start in its second waits for the next ones."""
    assert Clock(starts).latest(rate) == seconds


def test_page_tells_what_is_reckoned() -> None:
    """A number that was changed in one place alone is found."""
    page = PAGE.read_text()
    assert reckoning_table() in page, "python -m tests.bench clock"
    assert mix_table() in page, "python -m tests.bench clock"


@pytest.mark.soak
def test_page_tells_what_the_simulation_finds() -> None:
    """Seeded, so that it comes to the same on any machine."""
    assert table(clocks()) in PAGE.read_text(), "python -m tests.bench clock"


@pytest.mark.parametrize(
    ("row", "run"),
    [
        ("1 turn", Run(1)),
        ("3 turns", Run(5)),
        ("10 turns", Run(19)),
        ("1 turn of 20 s", Run(1, 20)),
    ],
)
def test_formula_comes_to_what_was_measured(row: str, run: Run) -> None:
    """Within what the table rounds; CPU within a tenth."""
    (measured,) = [each for found in tables(PAGE) for each in found.rows if each.get("run") == row]
    told = {name: float(cell) for name, cell in measured.items() if name != "run"}
    assert told["events"] == run.events
    assert told["actions"] == pytest.approx(run.actions, abs=0.5)
    assert told["DB writes"] == pytest.approx(run.writes, abs=0.5)
    assert (told["PUT"], told["GET"]) == (run.puts, run.gets)
    assert told["stored KiB"] == pytest.approx(run.stored / KIB, abs=0.1)
    assert told["worker ms"] == pytest.approx(run.cpu * 1000, rel=0.1)


def test_formula_comes_to_what_seldom_heartbeats_cost() -> None:
    """One in 20 s where a lost worker may go unnoticed for a minute."""
    name = "1 turn of 20 s, lost_after: 60s"
    (row,) = [each for found in tables(PAGE) for each in found.rows if each.get("run") == name]
    run = Run(1, 20, beat=seconds_between_beats(heartbeat_timeout(PATIENT)))
    assert run.beat == SELDOM.beat
    assert float(row["actions"]) == pytest.approx(run.actions, abs=0.5)
    assert float(row["DB writes"]) == pytest.approx(run.writes, abs=1)


@pytest.mark.parametrize(
    ("actions", "dollars"), [(1e6, 50), (11.25e6, 525), (200e6, 5925), (300e6, 8425)]
)
def test_actions_cost_what_the_tiers_say(actions: float, dollars: float) -> None:
    """The second is the price list's own example."""
    assert cloud_dollars(actions) == pytest.approx(dollars)
