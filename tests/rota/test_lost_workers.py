"""How often a step says that it lives, and what a declaration asks for."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.agent_spec import AgentSpec
from rota.lost_workers import BEATS_WITHIN_TIMEOUT, seconds_between_beats
from rota.pinned_spec import PinnedSpec

MINUTE = timedelta(minutes=1)
RUNTIME = {"kind": "scripted"}


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [(None, 1), (0, 1), (3.2, 1), (6.3, 1), (6.4, 2), (30, 9), (58.2, 18), (598.2, 186)],
)
def test_beats_come_as_far_apart_as_the_timeout_allows(timeout: float | None, seconds: int) -> None:
    """At most each second, whatever the timeout."""
    known = None if timeout is None else timedelta(seconds=timeout)
    assert seconds_between_beats(known) == seconds


@given(st.timedeltas(min_value=timedelta(seconds=BEATS_WITHIN_TIMEOUT), max_value=60 * MINUTE))
def test_two_beats_may_be_lost_and_the_third_be_late(timeout: timedelta) -> None:
    """A busy worker is not taken for a dead one."""
    assert 3 * timedelta(seconds=seconds_between_beats(timeout)) < timeout


def test_lost_after_reaches_the_runs_of_its_agent() -> None:
    """It is pinned with the rest of the declaration, through a record and back."""
    declared = {"name": "agent", "runtime": RUNTIME, "retry": {"lost_after": "1m"}}
    pinned = PinnedSpec.of(AgentSpec.model_validate(declared))
    assert pinned.lost_after == MINUTE
    assert PinnedSpec.model_validate_json(pinned.model_dump_json()) == pinned


def test_declaration_without_lost_after_is_the_same_as_before_there_was_one() -> None:
    """Digests and records of fleets in force do not change, nor does the usual value."""
    plain, usual = (
        AgentSpec.model_validate({"name": "agent", "runtime": RUNTIME, "retry": retry})
        for retry in ({}, {"lost_after": "5s"})
    )
    assert plain.digest == usual.digest
    assert set(plain.document["retry"]) == {"attempts", "backoff", "max_backoff"}
    assert "lost_after" not in PinnedSpec.of(plain).model_dump()
