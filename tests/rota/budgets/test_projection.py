"""What schedules are going to cost: from how often they fire and what runs cost before."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.budgets.projection import Projection, fires_a_month, project, together
from rota.schedule.spec import ScheduleSpec
from rota.usage import Usage

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "fires"),
    [
        ({"cron": "0 6 * * *"}, 365 / 12),
        ({"cron": "0 6 * * *", "timezone": "Europe/Berlin"}, 365 / 12),
        ({"cron": "0 6 1 * *"}, 1),
        ({"cron": "0 6 1 1 *"}, 1 / 12),
        ({"cron": "*/5 9-16 * * MON-FRI"}, 12 * 8 * 20 * 365 / 12 / 28),
        ({"cron": "0 6 * * *", "paused": True}, 0),
        ({"cron": "0 6 * * *", "end": NOW - timedelta(days=1)}, 0),
    ],
)
def test_fires_of_a_month_are_those_of_an_average_one(
    schedule: dict[str, Any], fires: float
) -> None:
    """Rare ones are counted over a year, frequent ones over whole weeks."""
    assert fires_a_month(ScheduleSpec.model_validate(schedule), NOW) == pytest.approx(fires)


def priced(*costs: int) -> list[Usage]:
    """Runs that cost so much."""
    return [Usage(cost_micros=cost) for cost in costs]


@pytest.mark.parametrize(
    ("costs", "p50", "p95"),
    [
        (range(1, 101), 500, 950),
        ([7], 70, 70),
        ([5, 5, 900], 50, 9000),
        ([0, 0, 0], 0, 0),
    ],
)
def test_projection_is_fires_times_the_cost_of_earlier_runs(
    costs: list[int], p50: int, p95: int
) -> None:
    """What half of the runs stayed within, and what nineteen of twenty did."""
    made = project("a", "Agent", 10, priced(*costs))
    assert (made.p50_micros, made.p95_micros, made.runs) == (p50, p95, len(costs))
    assert made.missing == ""


def test_projection_without_history_says_so() -> None:
    """Nothing known is not nothing to pay."""
    made = project("a", "Agent", 30, [])
    assert (made.p50_micros, made.p95_micros, made.missing) == (None, None, "no history")


def test_projection_tells_unpriced_and_unknown_apart() -> None:
    """An unpriced run lowers no figure; with no other there is none."""
    unpriced = Usage(input_tokens=5, cost_micros=None)
    lost = Usage(cost_micros=10, unknown_attempts=1, unknown_micros=99)
    mixed = project("a", "Agent", 2, [unpriced, lost])
    assert (mixed.p50_micros, mixed.runs, mixed.unpriced_runs, mixed.unknown_micros) == (
        *(20, 2, 1),
        99,
    )
    assert project("a", "Agent", 2, [unpriced]).missing == "unpriced"


def test_projection_of_a_paused_schedule_costs_nothing_even_without_history() -> None:
    """It fires never, so nothing has to be known."""
    assert project("a", "Agent", 0, []).p95_micros == 0


def test_projection_of_a_fleet_sums_what_is_known_and_names_the_rest() -> None:
    """A sum that leaves something out says what."""
    fleet = together(
        [
            Projection(name="a", fires=1, runs=2, p50_micros=10, p95_micros=20),
            Projection(name="b", fires=1, runs=2, p50_micros=1, p95_micros=2),
            Projection(name="c", fires=1),
        ]
    )
    assert (fleet.p50_micros, fleet.p95_micros, fleet.without) == (11, 22, ("c",))
