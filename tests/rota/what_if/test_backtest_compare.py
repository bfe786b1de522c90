"""A past run beside its backtest: verdicts, sums and thresholds, as tables."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.tools import Effect
from rota.usage import Usage
from rota.what_if.backtest import CallSource, CaseEnd
from rota.what_if.compare import (
    Comparison,
    Played,
    Share,
    Thresholds,
    Verdict,
    compare,
    exceeded,
    totals,
)

EFFECTS = {"read": Effect.READ, "post": Effect.WRITE}
POST = ("post", {"n": 1})
READ = ("read", {"n": 1})


OK = CaseEnd.ANSWERED
UNPLAYED = [end for end in CaseEnd if end not in (CaseEnd.ANSWERED, CaseEnd.FAILED)]


def side(succeeded: bool = True, **more: Any) -> Played:
    """One side of a comparison."""
    return Played(succeeded=succeeded, status="x", **more)


def compared(before: Played, after: Played, end: CaseEnd = CaseEnd.ANSWERED) -> Comparison:
    """Compare them as those of one run."""
    return compare("r", before, after, end, EFFECTS, {})


@pytest.mark.parametrize(
    ("before", "after", "end", "verdict"),
    [
        (side(output=1), side(output=1), CaseEnd.ANSWERED, Verdict.SAME),
        (side(output=[1, 2]), side(output=[2, 1]), CaseEnd.ANSWERED, Verdict.CHANGED),
        (side(output=1), side(output=2), CaseEnd.ANSWERED, Verdict.CHANGED),
        (side(calls=[READ]), side(), CaseEnd.ANSWERED, Verdict.SAME),
        (side(calls=[POST]), side(), CaseEnd.ANSWERED, Verdict.CHANGED),
        (side(calls=[POST]), side(calls=[POST, POST]), CaseEnd.ANSWERED, Verdict.CHANGED),
        # A tool that no worker knows may do anything.
        (side(calls=[("gone", {})]), side(), CaseEnd.ANSWERED, Verdict.CHANGED),
        (side(patches=[{"a": 1}]), side(), CaseEnd.ANSWERED, Verdict.CHANGED),
        (side(checks={"a": "passed"}), side(checks={"a": "failed"}), OK, Verdict.CHANGED),
        # One that is declared since, or no longer.
        (side(checks={"a": "passed"}), side(checks={"b": "failed"}), OK, Verdict.SAME),
        (side(), side(False), CaseEnd.FAILED, Verdict.FAILED),
        (side(False), side(False), CaseEnd.FAILED, Verdict.SAME),
        (side(False), side(), CaseEnd.ANSWERED, Verdict.MENDED),
        *((side(), side(False), end, Verdict.UNDECIDED) for end in UNPLAYED),
    ],
)
def test_verdict_counts_result_effects_and_memory(
    before: Played, after: Played, end: CaseEnd, verdict: Verdict
) -> None:
    """The same answer with other effects is not the same; reads may differ."""
    assert compared(before, after, end).verdict is verdict


@given(st.lists(st.integers(0, 2)), st.lists(st.integers(0, 2)))
def test_effects_that_one_side_alone_asks_for_are_all_told(
    ours: list[int], theirs: list[int]
) -> None:
    """What is gone and what is new make up the difference of both sides, and nothing else."""
    before = side(calls=[("post", {"n": n}) for n in ours])
    after = side(calls=[("post", {"n": n}) for n in theirs])
    told = compared(before, after).effects
    for number in range(3):
        new = sum(each.new for each in told if each.args["n"] == number)
        gone = sum(not each.new for each in told if each.args["n"] == number)
        assert theirs.count(number) - ours.count(number) == new - gone
        assert not (new and gone)


def cases(*verdicts: Verdict, before: int = 100, after: int | None = 100) -> list[Comparison]:
    """Cases that ended so, each with these costs in micro-dollars."""
    sides = side(usage=Usage(cost_micros=before)), side(usage=Usage(cost_micros=after))
    return [compared(*sides).model_copy(update={"verdict": verdict}) for verdict in verdicts]


S, C, F, U = Verdict.SAME, Verdict.CHANGED, Verdict.FAILED, Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("ended", "most", "told"),
    [
        (cases(S, S), Thresholds(changed=Share(count=0), failed=Share(count=0)), []),
        (cases(S, C, F, U), Thresholds(), []),
        (cases(S, C), Thresholds(changed=Share(count=0)), ["--max-changed"]),
        (cases(S, C), Thresholds(changed=Share(percent=Decimal(50))), []),
        (cases(S, S, C), Thresholds(changed=Share(percent=Decimal(30))), ["--max-changed"]),
        (cases(S, C), Thresholds(failed=Share(count=0)), []),
        # Undecided counts against whatever was asked for.
        (cases(S, U), Thresholds(failed=Share(count=0)), ["--max-failed"]),
        (cases(S, after=120), Thresholds(cost_increase=Decimal(20)), []),
        (cases(S, after=121), Thresholds(cost_increase=Decimal(20)), ["--max-cost-increase"]),
        (cases(S, after=None), Thresholds(cost_increase=Decimal(20)), ["--max-cost-increase"]),
        (
            cases(S, before=0, after=1),
            Thresholds(cost_increase=Decimal(900)),
            ["--max-cost-increase"],
        ),
    ],
)
def test_thresholds_name_the_option_that_is_exceeded(
    ended: list[Comparison], most: Thresholds, told: list[str]
) -> None:
    """One line for each; none without thresholds."""
    found = exceeded(totals(ended, Usage()), most)
    assert len(found) == len(told)
    assert all(option in line for option, line in zip(told, found, strict=True))


@given(st.integers(0, 100), st.integers(1, 1000))
def test_percentage_allows_exactly_so_many(percent: int, total: int) -> None:
    """No rounding of the machine's decides: 29% of 100 are 29."""
    most = percent * total // 100
    share = Share(percent=Decimal(percent))
    assert (share.allows(most, total), share.allows(most + 1, total)) == (True, False)


def test_case_that_fails_for_a_call_never_made_is_not_the_same_as_any_failure() -> None:
    """What the past run failed for was something else."""
    sides, why = (side(False), side(False)), {CallSource.UNRECORDED: 1}
    case = compare("r", *sides, CaseEnd.FAILED, EFFECTS, why, ["read {}"])
    assert case.verdict is Verdict.CHANGED


def test_sums_leave_out_what_was_not_played_to_its_end() -> None:
    """A case that stopped at its first call would make the other model look cheap."""
    total = totals([*cases(S), *cases(U, after=1)], Usage(cost_micros=101))
    assert (total.before.cost_micros, total.after.cost_micros) == (100, 100)
    assert (total.cost_increase, total.spent.cost_micros) == (0.0, 101)
