"""What an agent promises: by when its runs end, and how long they may go on without progress."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from rota.watchdog.sla import LEAST_PROGRESS, SlaSpec, finish_time, stuck_after
from tests.rota.keepers.desks import T0

MINUTE = timedelta(minutes=1)
LATER = T0 + 5 * MINUTE


@pytest.mark.parametrize(
    ("sla", "slot", "due"),
    [
        pytest.param({"finish_by": "25m"}, T0, T0 + 25 * MINUTE, id="after its slot"),
        pytest.param({"finish_by": "25m"}, None, LATER + 25 * MINUTE, id="after it began"),
        pytest.param({"finish_by": "08:30"}, T0, T0 + 90 * MINUTE, id="the zone's clock"),
        pytest.param({"finish_by": "08:30"}, None, None, id="no slot, no clock"),
        pytest.param({"start_within": "1m"}, T0, None, id="nothing said"),
    ],
)
def test_run_is_to_end_by_what_is_declared(
    sla: dict[str, Any], slot: datetime | None, due: datetime | None
) -> None:
    """In a winter's Berlin, an hour ahead of UTC."""
    spec = SlaSpec.model_validate(sla)
    assert finish_time(spec, slot, LATER, "Europe/Berlin") == due
    assert finish_time(None, slot, LATER, "Europe/Berlin") is None


@pytest.mark.parametrize(
    ("declared", "wall_clock", "limit"),
    [
        pytest.param(None, timedelta(hours=2), timedelta(hours=1), id="half of the wall clock"),
        pytest.param(None, 10 * MINUTE, LEAST_PROGRESS, id="no sooner than a turn may take"),
        pytest.param("2m", timedelta(hours=2), 2 * MINUTE, id="as declared"),
    ],
)
def test_run_may_go_on_without_progress_for_what_is_declared(
    declared: str | None, wall_clock: timedelta, limit: timedelta
) -> None:
    """Or for what follows from its wall clock."""
    sla = SlaSpec.model_validate({"stuck_after": declared}) if declared else None
    assert stuck_after(sla, wall_clock.total_seconds()) == limit
