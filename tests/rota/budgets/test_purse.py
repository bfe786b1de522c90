"""A run's reservations, and what people gave it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.budgets.purse import Purse, check_raise
from rota.budgets.reservations import NOTHING, Amount, BudgetRaise, Cap, Grant
from rota.budgets.spending import spent
from rota.run_ref import RunRef
from rota.usage import Usage

RUN = RunRef(id="r", key="k")
NO_MONEY = Cap(micros=0)
USAGES = st.builds(
    Usage,
    input_tokens=st.integers(0, 100),
    cost_micros=st.integers(0, 100),
    unknown_micros=st.integers(0, 100),
    unknown_tokens=st.integers(0, 100),
)


@given(USAGES, USAGES)
def test_purse_counts_of_a_reservation_what_came_after_it(before: Usage, since: Usage) -> None:
    """The accounts are told all the run has used; the new room is for what comes then."""
    asked = Purse(grant=Grant(room=Cap(micros=1))).request("a", RUN, before, Cap(), Amount())
    assert asked.spent == Amount(micros=before.cost_micros or 0, tokens=before.tokens)
    assert asked.unknown == Amount(micros=before.unknown_micros, tokens=before.unknown_tokens)
    purse = Purse().answered(Grant(number=asked.number), before)
    assert purse.held(before) == Amount()
    assert purse.held(before.plus(since)) == spent(since)


def test_purse_asks_again_with_the_number_that_was_refused() -> None:
    """Nothing was reserved under it; after a grant comes the next number."""
    purse = Purse(grant=Grant(number=3))
    assert purse.request("a", RUN, Usage(), Cap(), Amount()).number == 4
    refused = purse.answered(Grant(number=4, refused="no"), Usage())
    assert refused.request("a", RUN, Usage(), Cap(), Amount()).number == 4


def test_purse_is_given_each_raise_once() -> None:
    """A repeated message gives nothing twice."""
    more = BudgetRaise(id="1", micros=5, tokens=7, steps=2)
    purse = Purse().given(more).given(more).given(more.model_copy(update={"id": "2"}))
    assert (purse.raised, purse.raised_steps) == (Amount(micros=10, tokens=14), 4)


@pytest.mark.parametrize(
    ("grant", "missed"),
    [
        (Grant(reserved=Amount(micros=10)), False),
        (Grant(room=Cap(micros=0), reserved=Amount(micros=10)), False),
        (Grant(room=Cap(micros=10), reserved=Amount(micros=10)), True),
        # The agent's own account knows of no limit and no history; its team's does.
        (Grant(room=Cap(micros=10)), True),
        (Grant(room=Cap(tokens=10)), True),
    ],
)
def test_purse_gives_back_what_it_holds_only_where_others_miss_it(
    grant: Grant, missed: bool
) -> None:
    """Where no account has a limit, or nothing is held, there is nothing to give back."""
    assert Purse(grant=grant).is_missed is missed
    assert Purse(grant=grant).giving_back("a", RUN, Usage()).wanted == NOTHING


@pytest.mark.parametrize("told", [Cap(), Cap(micros=0), Cap(micros=0, tokens=0)])
def test_purse_that_has_given_back_has_nothing_left_under_any_limit(told: Cap) -> None:
    """Also if the account that answered has no limit, and another one has."""
    held = Purse(grant=Grant(number=3, room=Cap(micros=10)))
    left = held.gave_back(Grant(number=4, room=told), Usage(input_tokens=5, cost_micros=7))
    assert left.grant is not None
    assert (left.grant.room, left.grant.number, left.is_missed) == (
        told.smaller(NO_MONEY),
        4,
        False,
    )
    assert left.base == Amount(micros=7, tokens=5)


def test_purse_that_has_given_back_knows_what_was_at_stake_until_there_is_more() -> None:
    """A session that tells its use at its end may have spent of that; a refusal changes nothing."""
    held = Purse(grant=Grant(number=3, room=Cap(micros=10)))
    assert held.returned is None
    back = held.gave_back(Grant(number=4, room=NO_MONEY), Usage(cost_micros=7))
    assert back.returned == Cap(micros=3)
    used = Usage(cost_micros=7)
    refused = back.answered(Grant(number=5, room=NO_MONEY, refused="no"), used)
    assert refused.returned == Cap(micros=3)
    assert refused.answered(Grant(number=5, room=Cap(micros=9)), used).returned is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "at least one"),
        ({"id": "", "micros": 5}, "an id of its own"),
        ({"micros": -1, "tokens": 5}, "never lowered"),
        ({"micros": 5, "window": "day"}, "no days or months"),
        ({"steps": 1}, ""),
        ({"micros": 1}, ""),
    ],
)
def test_check_raise_takes_only_what_gives_something(fields: dict[str, Any], words: str) -> None:
    """Nothing, less than nothing and what is of an account are refused with a reason."""
    problem = check_raise(BudgetRaise.model_validate({"id": "1", **fields}))
    assert words in problem
    assert bool(problem) is bool(words)


def test_purse_shows_what_people_gave() -> None:
    """In the words of the limits it raises."""
    purse = Purse().given(BudgetRaise(id="1", micros=500_000, steps=3))
    assert purse.shown == "the run was given $0.5000, 3 steps on top of its own limits"
