"""What a run may still spend: each limit, alone and together, before each step."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.budgets.reservations import Amount, Cap, Grant
from rota.budgets.spec import OnExceeded
from rota.budgets.spending import allowance, at_stake, exceeds, share, shortage
from rota.failures import FailureCategory
from rota.runs import RunStatus
from rota.turns.calls import CallRef, ResultRef
from rota.turns.deciding import next_step
from rota.turns.limits import Limits
from rota.turns.loop import AskRoom, Finish, LoopState, Park, RunTools, Think
from rota.usage import Usage

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=18)
REFUSED = Grant(number=2, room=Cap(micros=0), refused="day_usd of agent x: spent", until=LATER)
CALLS = (CallRef(index=0, name="calc.add"), CallRef(index=1, name="calc.add"))


def limits(**fields: Any) -> Limits:
    """Limits of nothing but turns, unless said otherwise."""
    given: dict[str, Any] = {"turns": 9, "tokens": None, "deadline": NOW + timedelta(hours=1)}
    return Limits.model_validate({**given, **fields})


def spent(micros: int = 0, tokens: int = 0, **fields: Any) -> Usage:
    """So much, known."""
    return Usage(input_tokens=tokens, cost_micros=micros, **fields)


SHORT: list[tuple[dict[str, Any], Usage, Amount | None, str]] = [
    ({"cost_micros": 300}, spent(300), None, "$0.0003 spent of $0.0003 (budget.run_usd)"),
    (
        {"cost_micros": 500_000},
        spent(490_000),
        Amount(micros=41_000),
        "the next call may cost $0.0410, and $0.0100 of $0.5000 is left (budget.run_usd)",
    ),
    ({"tokens": 150}, spent(tokens=200), None, "200 tokens used of 150 (budget.run_tokens)"),
    (
        {"tokens": 150},
        spent(tokens=100),
        Amount(tokens=60),
        "the next call may take 60 tokens, and 50 of 150 are left (budget.run_tokens)",
    ),
    # What lost attempts may have cost counts, too.
    ({"cost_micros": 300}, spent(100, unknown_micros=200), None, "$0.0003 spent of $0.0003"),
    ({"tokens": 150}, spent(tokens=1, unknown_tokens=149), None, "150 tokens used of 150"),
    # What is known of an unpriced sum counts.
    ({"cost_micros": 300}, Usage(cost_micros=None, known_micros=300), None, "(budget.run_usd)"),
    (
        {"call_micros": 10_000},
        spent(),
        Amount(micros=10_001),
        "the next call may cost $0.0100, and at most $0.0100 is allowed (budget.call_usd)",
    ),
    (
        {"lent_room": Cap(micros=100), "lender": "caller-1", "cost_micros": 50},
        spent(100),
        None,
        "$0.0001 spent of $0.0001 (the share that caller-1 gave)",
    ),
    ({"steps": 3}, spent(), None, "3 of 3 steps taken (budget.run_steps)"),
    ({"grant": REFUSED}, spent(), None, "day_usd of agent x: spent"),
    ({"grant": Grant(room=Cap(micros=9)), "held": Amount(micros=9)}, spent(9), None, "reservation"),
]


@pytest.mark.parametrize(("fields", "tree", "needed", "words"), SHORT)
def test_shortage_names_the_limit_and_what_is_left_of_it(
    fields: dict[str, Any], tree: Usage, needed: Amount | None, words: str
) -> None:
    """One line says which limit it is, how much it is, and what the next step would take."""
    short = shortage(limits(**fields), tree, steps=3, needed=needed)
    assert short is not None
    assert words in short.reason


ENOUGH: list[tuple[dict[str, Any], Usage, Amount | None]] = [
    ({"cost_micros": 300}, spent(299), None),
    ({"cost_micros": 300}, spent(100), Amount(micros=200)),
    ({"tokens": 150}, spent(tokens=100), Amount(tokens=50)),
    ({"call_micros": 10}, spent(500), Amount(micros=10)),
    ({"steps": 4}, spent(), None),
    ({"grant": Grant(room=Cap(micros=9)), "held": Amount(micros=8)}, spent(900), None),
    # Without an account nothing is reserved.
    ({"grant": Grant()}, spent(10**9), None),
    # What nobody prices no limit of money can count.
    ({"cost_micros": 300}, Usage(cost_micros=None), None),
]


@pytest.mark.parametrize(("fields", "tree", "needed"), ENOUGH)
def test_shortage_up_to_the_limit_there_is_none(
    fields: dict[str, Any], tree: Usage, needed: Amount | None
) -> None:
    """Limits are reached, not approached: the last micro-dollar may be spent."""
    assert shortage(limits(**fields), tree, steps=3, needed=needed) is None


ROOMS = st.builds(
    Cap, micros=st.none() | st.integers(0, 1000), tokens=st.none() | st.integers(0, 1000)
)
AMOUNTS = st.builds(Amount, micros=st.integers(0, 1200), tokens=st.integers(0, 1200))


@given(ROOMS, ROOMS, ROOMS, AMOUNTS, AMOUNTS)
def test_allowance_and_shortage_agree(
    own: Cap, lent: Cap, room: Cap, used: Amount, needed: Amount
) -> None:
    """A call that the allowance lets through is one that no limit is too small for."""
    given = limits(
        cost_micros=own.micros,
        tokens=own.tokens,
        lent_room=lent,
        grant=Grant(room=room),
        held=used,
    )
    tree = spent(used.micros, used.tokens)
    short = shortage(given, tree, steps=0, needed=needed)
    allowed = allowance(given, tree)
    if short is None:
        assert not exceeds(needed, allowed)
    elif exceeds(needed, allowed):
        assert short.reason
    else:
        # Nothing is left at all, which lets nothing through, not even what is free.
        assert 0 in (allowed.micros, allowed.tokens)


@given(ROOMS, AMOUNTS, st.integers(1, 50))
def test_share_of_all_together_is_never_more_than_the_rest(
    own: Cap, used: Amount, parts: int
) -> None:
    """However many runs are called at once, they cannot spend more than the caller has left."""
    given = limits(cost_micros=own.micros, tokens=own.tokens)
    each = share(given, spent(used.micros, used.tokens), parts)
    for part, whole, gone in (
        (each.micros, own.micros, used.micros),
        (each.tokens, own.tokens, used.tokens),
    ):
        assert (part is None) is (whole is None)
        if part is not None and whole is not None:
            assert 0 <= part * parts <= max(0, whole - gone)


BEGUN = LoopState(turn=1, head="h", usage=spent(300))
FRESH = LoopState()


@pytest.mark.parametrize(
    ("fields", "state", "step"),
    [
        (
            {"cost_micros": 300},
            BEGUN,
            Park(reason="$0.0003 spent of $0.0003 (budget.run_usd)", more="--usd 0.0003"),
        ),
        (
            {"grant": REFUSED},
            FRESH,
            Park(reason="day_usd of agent x: spent", refused=True, until=LATER),
        ),
        ({"grant": Grant(room=Cap(micros=0))}, FRESH, AskRoom(least=Amount(micros=1, tokens=1))),
        (
            {"grant": Grant(room=Cap(micros=40))},
            FRESH.after_refusal(Amount(micros=41), 0),
            AskRoom(least=Amount(micros=41)),
        ),
        ({"cost_micros": 301}, BEGUN, Think(turn=2)),
    ],
)
def test_next_step_without_enough_asks_or_parks(
    fields: dict[str, Any], state: LoopState, step: Any
) -> None:
    """First the accounts are asked; where they, or the run's own limits, have no more, it parks."""
    assert next_step(state, limits(**fields), NOW) == step


@pytest.mark.parametrize(
    ("on_exceeded", "state", "status"),
    [
        (OnExceeded.FAIL, FRESH, RunStatus.FAILED),
        (OnExceeded.FAIL, BEGUN, RunStatus.FAILED),
        (OnExceeded.SKIP, FRESH, RunStatus.SKIPPED),
        (OnExceeded.SKIP, BEGUN, RunStatus.FAILED),
    ],
)
def test_next_step_at_a_limit_ends_as_declared(
    on_exceeded: OnExceeded, state: LoopState, status: RunStatus
) -> None:
    """`fail` fails; `skip` skips what has not begun and fails what has."""
    step = next_step(state, limits(grant=REFUSED, on_exceeded=on_exceeded), NOW)
    assert isinstance(step, Finish)
    assert (step.status, step.reason) == (status, REFUSED.refused)
    limit = FailureCategory.LIMIT_REACHED
    assert step.category is (limit if status is RunStatus.FAILED else None)


@pytest.mark.parametrize("on_exceeded", OnExceeded)
def test_next_step_at_a_callers_limit_always_fails(on_exceeded: OnExceeded) -> None:
    """Whoever was lent a share goes back to the lender, who has the say."""
    given = limits(lent_room=Cap(micros=0), lender="caller-1", on_exceeded=on_exceeded)
    step = next_step(FRESH, given, NOW)
    assert isinstance(step, Finish)
    assert (step.status, step.category) == (RunStatus.FAILED, FailureCategory.LIMIT_REACHED)
    assert "caller-1" in step.reason


def test_next_step_takes_no_part_of_a_batch_of_calls() -> None:
    """Of two calls with room for one step neither is made: a batch is one step of the loop."""
    state = LoopState(turn=1, head="h", calls=CALLS)
    assert isinstance(next_step(state, limits(steps=2), NOW), Park)
    assert isinstance(next_step(state, limits(steps=3), NOW), RunTools)


def test_loop_counts_what_those_below_have_used() -> None:
    """A limit of the run holds for all it hands work to; its own use stays its own."""
    results = (ResultRef(index=0, digest="d", below=spent(250, 9)), ResultRef(index=1, digest="e"))
    state = LoopState(turn=1, head="h", calls=CALLS, usage=spent(50, 1))
    # Once, when that has ended: the result has it for the record.
    state = state.after_handoff(spent(250, 9)).after_tools(results)
    assert (state.usage, state.tree) == (spent(50, 1), spent(300, 10))
    assert isinstance(next_step(state, limits(cost_micros=300), NOW), Park)


def test_loop_forgets_what_a_call_needs_once_it_is_made() -> None:
    """The estimate is of the coming call alone."""
    state = LoopState().after_refusal(Amount(micros=9), 2)
    assert (state.needed, state.rounds, state.has_begun) == (Amount(micros=9), 2, True)
    assert not LoopState().after_refusal(Amount(micros=9), 0).has_begun


@pytest.mark.parametrize(
    ("fields", "stake"),
    [
        ({"grant": Grant(room=Cap(micros=40))}, Cap(micros=40)),
        ({"grant": Grant(room=Cap(micros=0)), "returned": Cap(micros=40)}, Cap(micros=40)),
        ({"cost_micros": 50, "returned": Cap(micros=40)}, Cap(micros=20)),
        ({"cost_micros": 50, "returned": Cap()}, Cap(micros=20)),
    ],
)
def test_stake_of_a_session_is_what_its_run_held_and_no_more_than_it_had_left(
    fields: dict[str, Any], stake: Cap
) -> None:
    """Of a reservation that was given back, too: it worked with that."""
    assert at_stake(limits(**fields), spent(30)) == stake
