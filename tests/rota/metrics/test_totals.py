"""What an agent's runs have come to: each counted once, under few names."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.budgets.model_use import ModelUse, with_answer
from rota.effects.records import EffectNote, OpenEffect
from rota.keepers import open_effects, settling
from rota.metrics import totals
from rota.metrics.run_tally import EffectResult, RunTally
from rota.metrics.spread import RUN_BOUNDS, Spread
from rota.metrics.totals import MOST_MODELS, OTHER, UNNAMED, Totals
from rota.runs import RunStatus, Trigger
from rota.usage import Usage
from tests.rota.keepers.desks import HOUR, T0, Desk, run

MINUTE = timedelta(minutes=1)


def test_run_is_counted_when_it_ends_and_only_once() -> None:
    """By how it ended and why it was there; a report that comes again changes nothing."""
    desk = Desk()
    desk.admit("r1", T0)
    assert desk.state.totals == Totals()
    desk.at(T0 + MINUTE)
    for _ in range(3):
        desk.settle("r1", usage=Usage(cost_micros=7), tally=RunTally(calls={"allowed": 2}))
    counted = desk.state.totals
    assert counted.runs == {RunStatus.SUCCEEDED: {Trigger.SCHEDULE: 1}}
    assert counted.tally.calls == {"allowed": 2}
    assert (counted.durations.count, counted.durations.millis) == (1, 60_000)
    assert counted.last_success == counted.last_end == T0 + MINUTE


def test_skipped_run_and_a_slot_that_was_passed_over_have_no_duration() -> None:
    """They did nothing: a median of run times must not fall to nought after an outage."""
    desk = Desk()
    desk.at(T0 + 2 * HOUR + MINUTE).admit("r1", T0, T0 + HOUR, T0 + 2 * HOUR)
    counted = desk.state.totals
    assert counted.runs == {RunStatus.SKIPPED: {Trigger.SCHEDULE: 1}}
    assert (counted.passed, counted.durations.count, counted.last_end) == (1, 0, None)


def test_late_start_of_a_scheduled_run_is_counted_from_its_slot() -> None:
    """A run by hand has no slot to be late for."""
    desk = Desk()
    desk.at(T0 + MINUTE).admit("r1", T0)
    desk.settle("r1")
    desk.admit("r2")
    desk.settle("r2")
    assert (desk.state.totals.delays.count, desk.state.totals.delays.millis) == (1, 60_000)


def test_run_that_is_gone_counts_as_failed_with_what_is_on_record() -> None:
    """A run that was terminated told nobody: its keeper does."""
    desk = Desk()
    desk.admit("r1", T0)
    desk.state = settling.reclaim(desk.state, run("r1"), T0, used=Usage(cost_micros=5))
    desk.settle("r1", usage=Usage(cost_micros=9))
    assert desk.state.totals.runs == {RunStatus.FAILED: {Trigger.SCHEDULE: 1}}
    assert desk.state.totals.models[UNNAMED].micros == 5


def test_use_of_a_run_that_no_ledger_lists_counts_once() -> None:
    """As in the agent's account, with which the sum must agree."""
    desk = Desk()
    for _ in range(2):
        desk.settle("stranger", usage=Usage(cost_micros=5))
    assert desk.state.totals.models[UNNAMED].micros == 5
    assert desk.state.totals.runs == {}


def test_pipeline_counts_its_runs_and_nothing_that_its_nodes_have_used() -> None:
    """Their own agents count that."""
    desk = Desk(kind="Pipeline", runtime_kind="")
    desk.admit("p1", T0)
    desk.settle("p1", usage=Usage(cost_micros=5))
    desk.settle("stranger", usage=Usage(cost_micros=5))
    assert desk.state.totals.models == {}
    assert desk.state.totals.runs == {RunStatus.SUCCEEDED: {Trigger.SCHEDULE: 1}}


def test_effect_that_nobody_knows_of_is_counted_when_its_keeper_hears_of_it() -> None:
    """At once, since the run may wait for days; told again, it is the same one."""
    state = Desk().state
    effect = OpenEffect(key="k" * 64, tool="ledger.post", run=run("r1"), text="", since=T0)
    for told in (True, True, False):
        state = open_effects.noted(state, EffectNote(effect=effect, open=told))
    assert state.totals.tally.effects == {EffectResult.UNKNOWN: 1}


def use(**fields: Any) -> Usage:
    """A little of everything."""
    return Usage(
        input_tokens=1, output_tokens=2, cache_read_tokens=4, cache_write_tokens=8, **fields
    )


def test_use_is_told_by_model_and_by_type_of_token() -> None:
    """What no model's answer accounts for has a name of its own, so that the sum is whole."""
    by_model = with_answer({}, "claude", use(cost_micros=5))
    whole = use(cost_micros=5).plus(Usage(output_tokens=3, cost_micros=2))
    counted = totals.used(Totals(), whole, by_model)
    claude, unnamed = counted.models["claude"], counted.models[UNNAMED]
    assert (claude.input_tokens, claude.output_tokens, claude.micros) == (1, 2, 5)
    assert (claude.cache_read_tokens, claude.cache_write_tokens) == (4, 8)
    assert unnamed == ModelUse(micros=2, tokens=3, output_tokens=3)


def test_unknown_and_unpriced_use_count_apart() -> None:
    """Neither is free, and neither is in the sum of costs."""
    usage = Usage(cost_micros=None, known_micros=3, unknown_attempts=2, unknown_micros=50)
    counted = totals.used(Totals(), usage, {})
    assert (counted.unpriced_runs, counted.unknown_attempts, counted.unknown_micros) == (1, 2, 50)
    assert counted.models[UNNAMED].micros == 3


@given(st.lists(st.integers(0, 60), max_size=80))
def test_models_are_few_and_their_sum_is_exact_however_many_answer(models: list[int]) -> None:
    """A provider that calls itself something else each day does not grow the keeper."""
    counted = Totals()
    for model in models:
        by_model = with_answer({}, f"model-{model}", use(cost_micros=1))
        counted = totals.used(counted, use(cost_micros=1), by_model)
    assert len(counted.models) <= MOST_MODELS + 1
    assert sum(each.micros for each in counted.models.values()) == len(models)
    assert sum(each.tokens for each in counted.models.values()) == 15 * len(models)
    assert (OTHER in counted.models) == (len(set(models)) > MOST_MODELS)


@given(st.lists(st.floats(-10, 200_000), max_size=30))
def test_spread_counts_each_length_in_its_bucket(lengths: list[float]) -> None:
    """As Prometheus means it: a bucket holds what does not exceed its bound."""
    spread = Spread()
    for seconds in lengths:
        spread = spread.after(timedelta(seconds=seconds), RUN_BOUNDS)
    assert spread.count == len(lengths)
    for index, bound in enumerate(RUN_BOUNDS):
        below = sum(timedelta(seconds=each) <= timedelta(seconds=bound) for each in lengths)
        assert sum(spread.counts[: index + 1]) == below


@pytest.mark.parametrize("status", [each for each in RunStatus if each.closed])
def test_every_end_is_counted(status: RunStatus) -> None:
    """None of the closed statuses is lost."""
    counted = totals.ended(
        Totals(), status=status, trigger=Trigger.MANUAL, slot=None, began=T0, at=T0 + HOUR
    )
    assert counted.runs == {status: {Trigger.MANUAL: 1}}
