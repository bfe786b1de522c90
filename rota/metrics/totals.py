"""What an agent's runs have come to since it was first declared: the sums behind its metrics. Pure.

Kept in the keeper, which hears of each end once, however often it is told: so a run counts once
under replay, retries and workers that die, and the sums agree with the ledger and the account.
Bounded: closed lists of words, and few names.
"""

from collections.abc import Mapping
from datetime import datetime
from operator import not_

from pydantic import Field

from rota.budgets.model_use import ModelUse
from rota.metrics.run_tally import Counts, EffectResult, RunTally, more
from rota.metrics.spread import DELAY_BOUNDS, RUN_BOUNDS, Spread
from rota.model import Record, is_none
from rota.runs import RunStatus, Trigger
from rota.usage import Usage

MOST_MODELS = 20
"""Names of models kept of one agent; the rest counts as `OTHER`."""
OTHER = "other"
UNNAMED = "unknown"
"""Whatever was used of which nobody says by which model."""


class Totals(Record):
    """Sums over all runs of one agent or pipeline."""

    runs: dict[RunStatus, Counts] = Field(default_factory=dict[RunStatus, Counts])
    """Runs that have ended: by how, by trigger."""
    durations: Spread = Spread()
    """Of those that were not skipped, from when they presented themselves; waits included."""
    delays: Spread = Spread()
    """Of runs that a schedule started, from the slot to when they presented themselves."""
    models: dict[str, ModelUse] = Field(default_factory=dict[str, ModelUse])
    """What each model's answers came to."""
    unknown_attempts: int = 0
    unknown_micros: int = 0
    """What those may have cost at most, which is in no sum of costs."""
    unpriced_runs: int = 0
    """Runs that used something without a price."""
    tally: RunTally = RunTally()
    passed: int = 0
    """Slots that got no run, since a newer one ran in their place."""
    last_success: datetime | None = Field(default=None, exclude_if=is_none)
    """When the newest run that succeeded had ended."""
    last_end: datetime | None = Field(default=None, exclude_if=not_)
    """When the newest run had ended that was not skipped."""


def ended(
    totals: Totals,
    *,
    status: RunStatus,
    trigger: Trigger,
    slot: datetime | None,
    began: datetime,
    at: datetime,
) -> Totals:
    """Count a run that has ended; what it used and what its calls came to count apart.

    Args:
        totals: Before.
        status: How it ended.
        trigger: Why it was there.
        slot: For which it worked.
        began: When it presented itself.
        at: When its end was told.
    """
    by_trigger = more(totals.runs.get(status, {}), trigger)
    changes: dict[str, object] = {"runs": {**totals.runs, status: by_trigger}}
    if status is not RunStatus.SKIPPED:
        changes["durations"] = totals.durations.after(at - began, RUN_BOUNDS)
        changes["last_end"] = at
    if trigger is Trigger.SCHEDULE and slot is not None:
        changes["delays"] = totals.delays.after(began - slot, DELAY_BOUNDS)
    if status is RunStatus.SUCCEEDED:
        changes["last_success"] = at
    return totals.model_copy(update=changes)


def used(totals: Totals, usage: Usage, by_model: Mapping[str, ModelUse]) -> Totals:
    """Count what a run used: what its models say, and what is nobody's answer as `UNNAMED`."""
    models = dict(totals.models)
    for name, use in (*by_model.items(), *_unnamed(usage, by_model)):
        key = name if name in models or len(models) < MOST_MODELS else OTHER
        models[key] = models.get(key, ModelUse()).plus(use)
    changes: dict[str, object] = {
        "models": models,
        "unknown_attempts": totals.unknown_attempts + usage.unknown_attempts,
        "unknown_micros": totals.unknown_micros + usage.unknown_micros,
        "unpriced_runs": totals.unpriced_runs + (usage.cost_micros is None),
    }
    return totals.model_copy(update=changes)


def called(totals: Totals, tally: RunTally) -> Totals:
    """Count what a run's calls came to."""
    return totals.model_copy(update={"tally": totals.tally.plus(tally)})


def asked_about(totals: Totals) -> Totals:
    """Count an effect of which nobody knew whether it had happened."""
    effects = more(totals.tally.effects, EffectResult.UNKNOWN)
    return totals.model_copy(update={"tally": totals.tally.model_copy(update={"effects": effects})})


def passed(totals: Totals) -> Totals:
    """Count a slot that got no run."""
    return totals.model_copy(update={"passed": totals.passed + 1})


def _unnamed(usage: Usage, by_model: Mapping[str, ModelUse]) -> list[tuple[str, ModelUse]]:
    named = ModelUse()
    for use in by_model.values():
        named = named.plus(use)
    rest = ModelUse(
        micros=max(0, usage.counted_micros - named.micros),
        tokens=max(0, usage.tokens - named.tokens),
        input_tokens=max(0, usage.input_tokens - named.input_tokens),
        output_tokens=max(0, usage.output_tokens - named.output_tokens),
        cache_read_tokens=max(0, usage.cache_read_tokens - named.cache_read_tokens),
        cache_write_tokens=max(0, usage.cache_write_tokens - named.cache_write_tokens),
    )
    return [] if rest == ModelUse() else [(UNNAMED, rest)]
