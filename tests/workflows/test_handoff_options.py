"""The numbers around a call of another agent, and what would go wrong with others."""

from datetime import timedelta

import pytest

from workflows import activity_options, handoff_options


def test_handoff_grace_lets_the_called_run_say_how_it_ended() -> None:
    """Its limit is the caller's, so it is noticed as late, and then it settles."""
    assert 2 * activity_options.TIMER_SLACK < handoff_options.HANDOFF_GRACE


@pytest.mark.parametrize("seconds", [-60, 0, 3, 3600])
def test_handoff_options_end_with_the_run_but_leave_one_attempt(seconds: float) -> None:
    """A store that is gone holds up nobody beyond the limit; the end is recorded all the same."""
    remaining = timedelta(seconds=seconds)
    patience = handoff_options.handoff_options(remaining)["schedule_to_close_timeout"]
    assert patience == max(remaining, activity_options.DESK_TIMEOUT)


def test_handoff_options_repeat_while_the_run_may_work() -> None:
    """Giving up by count would lose what the called agent has done."""
    policy = handoff_options.handoff_options(timedelta(hours=1))["retry_policy"]
    assert policy.maximum_attempts == 0
