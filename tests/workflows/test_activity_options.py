"""The inequalities between timeouts: each states what would go wrong if it did not hold."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from temporalio.common import Priority
from temporalio.workflow import ActivityCancellationType

from activities.desks.topics import PATIENT_ATTEMPTS
from activities.heartbeat import INTERVAL_SECONDS
from activities.runtimes.anthropic import CONNECT_TIMEOUT_SECONDS
from rota.lost_workers import BEATS_WITHIN_TIMEOUT, LONGEST_LOST_AFTER, seconds_between_beats
from rota.pinned_spec import PinnedSpec
from rota.runtime_specs.anthropic import AnthropicSettings
from rota.runtime_specs.base import TURN_LIMIT
from rota.runtime_specs.scripted import ScriptedTurn
from workers.worker import GRACE
from workflows import activity_options as options
from workflows.check_options import check_options
from workflows.effect_options import look_options
from workflows.session_options import observe_options, session_options, stop_options
from workflows.what_if_options import case_options

SPEC = PinnedSpec(digest="0", name="agent", runtime_kind="scripted", retry_attempts=1)
HOUR = timedelta(hours=1)
RUNTIME_TIMEOUT = AnthropicSettings(model="any").timeout
START_SLACK = timedelta(seconds=30)
"""What comes before and after the turn in the same attempt: transcript, secret, storing."""


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [
        pytest.param(
            3 * options.HEARTBEAT_INTERVAL,
            options.HEARTBEAT_TIMEOUT,
            id="three beats may be missed before a busy worker counts as dead",
        ),
        pytest.param(
            options.HEARTBEAT_TIMEOUT + options.FIRST_RETRY + options.TIMER_SLACK,
            timedelta(seconds=5),
            id="a step goes on elsewhere within 5 s of its worker's death",
        ),
        pytest.param(
            options.STICKY_TIMEOUT,
            options.HEARTBEAT_TIMEOUT,
            id="the workflow is free to go on before its step is",
        ),
        pytest.param(
            TURN_LIMIT + START_SLACK,
            options.TURN_TIMEOUT,
            id="the runtime's own time limit, which knows what happened, speaks first",
        ),
        pytest.param(
            timedelta(seconds=CONNECT_TIMEOUT_SECONDS),
            RUNTIME_TIMEOUT,
            id="an unreachable provider is noticed before the turn's limit",
        ),
        pytest.param(
            options.DESK_TIMEOUT,
            GRACE,
            id="a stopping worker lets an admission or settlement finish",
        ),
    ],
)
def test_timeouts_smaller_one_passes_first(smaller: timedelta, larger: timedelta) -> None:
    """What must happen first has the smaller number."""
    assert smaller < larger


def test_timeouts_of_every_runtime_are_below_temporals() -> None:
    """No declaration can ask for a turn that Temporal ends before the runtime does."""
    too_long = TURN_LIMIT + timedelta(seconds=1)
    with pytest.raises(ValidationError, match="less than or equal to 14 minutes"):
        AnthropicSettings(model="any", timeout=too_long)
    with pytest.raises(ValidationError, match="less than or equal to 840"):
        ScriptedTurn(seconds=too_long.total_seconds())
    assert AnthropicSettings(model="any", timeout=TURN_LIMIT).timeout < options.TURN_TIMEOUT
    assert timedelta(seconds=ScriptedTurn(seconds=840).seconds) < options.TURN_TIMEOUT


def test_timeouts_activities_beat_as_often_as_the_workers_send() -> None:
    """Both sides of the boundary mean the same interval."""
    assert timedelta(seconds=INTERVAL_SECONDS) == options.HEARTBEAT_INTERVAL
    usual = options.HEARTBEAT_TIMEOUT
    assert timedelta(seconds=seconds_between_beats(usual)) == options.HEARTBEAT_INTERVAL
    assert usual == BEATS_WITHIN_TIMEOUT * options.HEARTBEAT_INTERVAL


@pytest.mark.parametrize(
    ("lost_after", "silence"), [(5, 3.2), (12, 10.2), (60, 58.2), (600, 598.2)]
)
def test_steps_are_taken_for_lost_as_soon_as_their_agent_says(
    lost_after: int, silence: float
) -> None:
    """Model, tool, list of tools, check, look at an effect: all that a run's worker does."""
    spec = SPEC.model_copy(update={"lost_after": timedelta(seconds=lost_after)})
    minute = timedelta(minutes=1)
    steps = (
        options.turn_options(spec, HOUR),
        options.tool_options(spec, minute, HOUR),
        options.listing_options(spec, HOUR),
        check_options(spec, HOUR),
        look_options(spec),
        observe_options(spec, HOUR, "rota"),
        session_options(spec, HOUR),
        stop_options(spec),
        case_options(spec, HOUR),
    )
    assert {step["heartbeat_timeout"] for step in steps} == {timedelta(seconds=silence)}


def test_longest_silence_is_below_the_longest_turn() -> None:
    """Or a lost worker would be taken for a runtime that hangs, and another one be asked."""
    assert LONGEST_LOST_AFTER < options.TURN_TIMEOUT


def test_tool_options_leave_the_tools_own_limit_room_to_speak() -> None:
    """A slow tool is named by its own limit before Temporal ends the attempt."""
    timeout = timedelta(seconds=60)
    assert options.tool_options(SPEC, timeout, HOUR)["start_to_close_timeout"] > timeout


def test_tool_options_of_a_cancelled_run_wait_for_the_tool() -> None:
    """The effect of a tool must be known before its run closes; a turn has none."""
    tool = options.tool_options(SPEC, timedelta(seconds=60), HOUR)
    turn = options.turn_options(SPEC, HOUR)
    waits = ActivityCancellationType.WAIT_CANCELLATION_COMPLETED
    assert (tool["cancellation_type"], turn["cancellation_type"]) == (
        waits,
        ActivityCancellationType.TRY_CANCEL,
    )


@pytest.mark.parametrize("seconds", [-5, 0, 0.2, 30, 7200])
def test_step_options_never_outlive_the_run(seconds: float) -> None:
    """No attempt, and no row of attempts, goes beyond what the run has left."""
    remaining = timedelta(seconds=seconds)
    step = options.turn_options(SPEC, remaining)
    # Temporal refuses a timeout of nothing, so the least is a second.
    left = max(remaining, timedelta(seconds=1))
    assert step["start_to_close_timeout"] <= step["schedule_to_close_timeout"] == left


def test_step_options_allow_the_attempt_a_stopping_worker_consumes() -> None:
    """Even an agent that asks for one attempt survives a deploy."""
    assert options.turn_options(SPEC, HOUR)["retry_policy"].maximum_attempts == 2


def test_step_options_never_repeat_work_whose_answer_was_too_large() -> None:
    """The SDK raises it after the work was done: to repeat would be to pay again."""
    policy = options.turn_options(SPEC, HOUR)["retry_policy"]
    assert policy.non_retryable_error_types == ["PayloadsTooLarge"]


def test_outcome_options_bear_a_restart_of_the_store_and_no_more() -> None:
    """The settlement, which needs no store, is not lost for one that is gone."""
    outcome = options.outcome_options()
    restart = timedelta(minutes=1)
    assert restart < outcome["schedule_to_close_timeout"] <= 5 * restart
    assert outcome["schedule_to_close_timeout"] > 2 * outcome["start_to_close_timeout"]


def test_desk_options_repeat_until_the_keeper_answers() -> None:
    """Zero attempts means no limit: a run that cannot settle must not end unsettled."""
    assert options.desk_options()["retry_policy"].maximum_attempts == 0


@pytest.mark.parametrize(
    ("declared", "fairness_key", "expected"),
    [
        ({}, None, None),
        ({"priority": 1}, None, Priority(priority_key=1)),
        ({"fairness_weight": 2.0}, None, None),
        (
            {"fairness_weight": 2.0},
            "acme",
            Priority(priority_key=3, fairness_key="acme", fairness_weight=2.0),
        ),
    ],
)
def test_run_priority_says_no_more_than_was_declared(
    declared: dict[str, Any], fairness_key: str | None, expected: Priority | None
) -> None:
    """A weight without a key weighs nothing; the ordinary place is not spelled out."""
    spec = SPEC.model_copy(update=declared)
    assert options.run_priority(spec, fairness_key) == expected
    step = options.turn_options(spec, HOUR, fairness_key)
    assert step.get("priority") == expected


def test_delivery_options_survive_a_deploy_and_end_some_day() -> None:
    """A stopping worker consumes an attempt; a failing batch is made up anew after the last."""
    delivery = options.delivery_options()
    assert delivery["heartbeat_timeout"] == options.HEARTBEAT_TIMEOUT
    assert 2 <= delivery["retry_policy"].maximum_attempts < 10
    assert options.DELIVERY_PAUSE < options.LONGEST_DELIVERY_PAUSE < options.DELIVERY_TIMEOUT


def test_last_attempt_at_a_batch_buries_what_fails_unexpectedly() -> None:
    """Attempts start anew with each batch: fewer of them would never come to that."""
    assert options.DELIVERY_ATTEMPTS > PATIENT_ATTEMPTS
