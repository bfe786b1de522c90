"""Costs from the ledgers: every grouping is the same money, and nothing unknown is nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.budgets.costs import AgentLedger, Cost, Grouping, at_work, grouped, since, total
from rota.budgets.model_use import MOST_MODELS, OTHERS, ByModel, ModelUse, with_answer
from rota.keepers.state import LedgerEntry
from rota.run_ref import RunRef
from rota.runs import RunStatus, Trigger
from rota.usage import Usage

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MICROS = st.integers(0, 10**9)
ANSWERS = st.lists(
    st.tuples(
        st.sampled_from(["opus", "haiku", ""]),
        st.builds(Usage, input_tokens=MICROS, cost_micros=st.none() | MICROS),
    ),
    max_size=4,
)
LOST = st.builds(Usage, unknown_attempts=st.integers(0, 3), unknown_micros=MICROS)


def entry(
    name: str = "r1",
    usage: Usage | None = None,
    by_model: ByModel | None = None,
    *,
    status: RunStatus = RunStatus.SUCCEEDED,
    at: datetime = NOON,
) -> LedgerEntry:
    """What became of one run."""
    return LedgerEntry(
        run=RunRef(id=name, key=name),
        trigger=Trigger.MANUAL,
        status=status,
        admitted_at=at,
        usage=usage or Usage(),
        by_model=by_model or {},
    )


@st.composite
def entries(draw: st.DrawFn) -> LedgerEntry:
    """A run whose answers came from several models, with attempts that were lost."""
    usage, by_model = draw(LOST), ByModel()
    for model, answer in draw(ANSWERS):
        usage = usage.plus(answer)
        by_model = with_answer(by_model, model, answer)
    return entry(
        draw(st.sampled_from(["r1", "r2", "r3"])),
        usage,
        by_model,
        status=draw(st.sampled_from(list(RunStatus))),
        at=NOON + timedelta(hours=draw(st.integers(-2000, 2000))),
    )


LEDGERS = st.lists(
    st.builds(
        AgentLedger,
        agent=st.sampled_from(["a", "b"]),
        team=st.sampled_from(["", "finance"]),
        timezone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"]),
        entries=st.lists(entries(), max_size=5).map(tuple),
    ),
    max_size=4,
)


@given(LEDGERS, st.sampled_from(list(Grouping)))
def test_costs_grouped_by_anything_come_to_the_same_total(
    ledgers: list[AgentLedger], by: Grouping
) -> None:
    """To the micro-dollar and token, with the unknown; runs, too, but for those of models."""
    together = Cost()
    for cost in grouped(ledgers, by).values():
        together = together.plus(cost)
    uncounted = {"runs", "unpriced_runs"} if by is Grouping.MODEL else set[str]()
    assert together.model_dump(exclude=uncounted) == total(ledgers).model_dump(exclude=uncounted)


@given(LEDGERS)
def test_costs_by_model_never_hide_an_unpriced_run(ledgers: list[AgentLedger]) -> None:
    """Wherever a run without a price is put, some row says so."""
    shown = sum(cost.unpriced_runs for cost in grouped(ledgers, Grouping.MODEL).values())
    assert shown >= total(ledgers).unpriced_runs


def test_costs_of_an_unpriced_run_are_what_is_known_and_a_count() -> None:
    """A model without a price is not free."""
    usage = Usage(input_tokens=10, cost_micros=7).plus(Usage(input_tokens=5, cost_micros=None))
    cost = total([AgentLedger(agent="a", entries=(entry(usage=usage),))])
    assert (cost.runs, cost.micros, cost.tokens, cost.unpriced_runs) == (1, 7, 15, 1)


def test_costs_by_model_tell_fallbacks_and_lost_attempts_apart() -> None:
    """What was lost belongs to no model, and neither does what nobody told of."""
    first, second = Usage(input_tokens=4, cost_micros=40), Usage(input_tokens=5, cost_micros=50)
    by_model = with_answer(with_answer({}, "opus", first), "haiku", second)
    lost = Usage(unknown_attempts=1, unknown_micros=9)
    ledger = AgentLedger(
        agent="a",
        entries=(
            entry("r1", first.plus(second).plus(lost), by_model),
            entry("r2", Usage(cost_micros=3)),
        ),
    )
    assert grouped([ledger], Grouping.MODEL) == {
        "opus": Cost(runs=1, micros=40, tokens=4),
        "haiku": Cost(runs=1, micros=50, tokens=5),
        "": Cost(runs=2, micros=3, unknown_micros=9, unknown_attempts=1),
    }


@pytest.mark.parametrize(
    ("timezone", "hour", "day"),
    [
        ("UTC", 3, "2026-11-23"),
        ("Pacific/Auckland", 12, "2026-11-24"),
        ("America/New_York", 3, "2026-11-22"),
    ],
)
def test_costs_by_day_count_in_the_agents_own_days(timezone: str, hour: int, day: str) -> None:
    """As its budget does."""
    own = entry(at=NOON.replace(hour=hour))
    ledger = AgentLedger(agent="a", timezone=timezone, entries=(own,))
    assert list(grouped([ledger], Grouping.DAY)) == [day]


@pytest.mark.parametrize(
    ("status", "usage", "runs"),
    [
        (RunStatus.FAILED, Usage(), 1),
        (RunStatus.SKIPPED, Usage(), 0),
        (RunStatus.SKIPPED, Usage(cost_micros=1), 1),
        (RunStatus.RUNNING, Usage(), 0),
    ],
)
def test_costs_count_closed_runs_and_what_skipped_ones_used(
    status: RunStatus, usage: Usage, runs: int
) -> None:
    """A slot that was passed over is no run; one at work is counted apart."""
    ledger = AgentLedger(agent="a", entries=(entry(usage=usage, status=status),))
    assert total([ledger]).runs == runs
    assert at_work([ledger]) == (status is RunStatus.RUNNING)


def test_costs_since_begin_with_the_instant_itself() -> None:
    """What was admitted a moment before is out."""
    early, late = entry("r1", at=NOON - timedelta(seconds=1)), entry("r2")
    assert since(AgentLedger(agent="a", entries=(early, late)), NOON).entries == (late,)


def test_models_beyond_the_most_are_counted_together() -> None:
    """A provider that tells another name with each answer does not grow the ledger for ever."""
    known = ByModel()
    for number in range(MOST_MODELS + 3):
        known = with_answer(known, f"m{number}", Usage(cost_micros=1))
    assert len(known) == MOST_MODELS + 1
    assert known[OTHERS] == ModelUse(answers=3, micros=3)
