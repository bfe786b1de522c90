"""Runs that are gone without a word: what is on record counts, and the rest of what they held."""

import pytest

from rota.budgets import rules
from rota.budgets.lost_runs import use_of
from rota.usage import Usage
from tests.rota.budgets.accounts import DOLLAR, TODAY, account, ask, hold, micros, run


def test_lost_run_counts_as_unknown() -> None:
    """Nobody knows what it spent: all that it held counts against the limit, shown apart."""
    gone = rules.lost(hold(account(day_micros=DOLLAR), "a"), run("a"), Usage())
    assert micros(gone, TODAY) == (0, DOLLAR)
    assert ask(gone, "b", DOLLAR)[1].refused
    assert rules.lost(gone, run("a"), Usage()) == gone


@pytest.mark.parametrize(
    ("told", "held", "used", "spent", "unknown"),
    [
        # Without a limit nothing is held: what is on record counts all the same.
        (0, 0, Usage(cost_micros=30, unknown_attempts=1, unknown_micros=5), 30, 5),
        # Of what it held, what is on record is no longer unknown.
        (0, 100, Usage(cost_micros=30), 30, 70),
        (0, 100, Usage(cost_micros=130, unknown_micros=5, unknown_attempts=1), 130, 5),
        # What it told itself counts, whatever the record has lost.
        (40, 100, Usage(cost_micros=30), 40, 100),
        (40, 100, Usage(cost_micros=60), 60, 80),
        (0, 100, Usage(cost_micros=None, known_micros=30), 30, 70),
    ],
)
def test_lost_run_counts_what_is_on_record_and_the_rest_of_what_it_held(
    told: int, held: int, used: Usage, spent: int, unknown: int
) -> None:
    """Every answer is on record before the run hears of it; a session's use may not be."""
    first = ask(account(), "a", 0)[0]
    working = ask(first, "a", held, number=2, spent=told)[0]
    gone = rules.lost(working, run("a"), used)
    assert micros(gone, TODAY) == (spent, unknown)
    counted = use_of(working.holds["a"], used)
    assert (counted.counted_micros, counted.unknown_micros) == (spent, unknown)
    assert counted.unknown_attempts == int(unknown > 0)
