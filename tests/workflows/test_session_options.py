"""Timeouts and retries of the steps with a provider's session."""

from datetime import timedelta

import pytest
from temporalio.workflow import ActivityCancellationType

from rota.pinned_spec import PinnedSpec
from workflows.activity_options import HEARTBEAT_TIMEOUT
from workflows.session_options import (
    STOP_PATIENCE,
    STOP_TIMEOUT,
    observe_options,
    session_options,
    stop_options,
)

SPEC = PinnedSpec(digest="0", name="agent", runtime_kind="double", retry_attempts=1)
HOUR = timedelta(hours=1)


def test_observe_options_bear_any_number_of_deploys() -> None:
    """Watching may last as long as the run may work, and no restart of a worker ends it."""
    observe = observe_options(SPEC, 6 * HOUR, "rota")
    assert observe["retry_policy"].maximum_attempts == 0
    assert observe["start_to_close_timeout"] == observe["schedule_to_close_timeout"] == 6 * HOUR
    assert observe["heartbeat_timeout"] == HEARTBEAT_TIMEOUT


def test_session_options_of_a_cancelled_run_wait_for_what_has_an_effect() -> None:
    """A session that was being started must be known, to be stopped; a look changes nothing."""
    start = session_options(SPEC, HOUR, seen_to_its_end=True)
    assert start["cancellation_type"] is ActivityCancellationType.WAIT_CANCELLATION_COMPLETED
    for step in (session_options(SPEC, HOUR), observe_options(SPEC, HOUR, "rota")):
        assert step["cancellation_type"] is ActivityCancellationType.TRY_CANCEL


def test_session_options_send_to_the_runtimes_queue_what_it_has_a_rate_for() -> None:
    """Starting and telling are the provider's calls; watching must not wait behind them."""
    spec = SPEC.model_copy(update={"runtime_queue": "slow"})
    assert session_options(spec, HOUR, seen_to_its_end=True).get("task_queue") == "slow"
    assert observe_options(spec, HOUR, "rota").get("task_queue") == "rota-watches"


def test_stop_options_give_more_than_one_attempt_and_end_soon() -> None:
    """Whoever cancels a run waits for this; what is left is recorded."""
    stop = stop_options(SPEC)
    assert STOP_TIMEOUT < stop["schedule_to_close_timeout"] <= timedelta(minutes=5)
    assert stop["retry_policy"].maximum_attempts == 0


@pytest.mark.parametrize(("lost_after", "later"), [(5, 0), (60, 17), (600, 185)])
def test_stop_options_wait_for_the_beat_that_brings_word(lost_after: int, later: int) -> None:
    """Whoever makes the session's call hears that it is over as much later as it beats."""
    spec = SPEC.model_copy(update={"lost_after": timedelta(seconds=lost_after)})
    stop = stop_options(spec)
    seconds = timedelta(seconds=later)
    assert stop["start_to_close_timeout"] == STOP_TIMEOUT + seconds
    assert stop["schedule_to_close_timeout"] == STOP_PATIENCE + 2 * seconds
