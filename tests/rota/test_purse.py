"""A run's reservations, and what people gave it."""

from hypothesis import given
from hypothesis import strategies as st

from rota.budget import NOTHING, Amount, BudgetRaise, Cap, Grant
from rota.purse import Purse
from rota.run_ref import RunRef
from rota.spending import spent
from rota.usage import Usage

RUN = RunRef(id="r", key="k")
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


def test_purse_gives_back_what_it_holds_only_where_others_miss_it() -> None:
    """Where no account has a limit there is nothing to give back."""
    assert not Purse(grant=Grant()).is_limited
    limited = Purse(grant=Grant(room=Cap(micros=10)))
    assert limited.is_limited
    assert limited.giving_back("a", RUN, Usage()).wanted == NOTHING
