"""What people give an account on top: counted once, for one window, or refused."""

from datetime import timedelta
from typing import Any

import pytest

from rota.budgets import rules
from rota.budgets.raises import RaiseRefusedError, give
from rota.budgets.reservations import BudgetRaise, WindowKind
from tests.rota.budgets.accounts import CENT, DOLLAR, NOON, OWNER, account, ask, asks, hold


def raised(id: str, micros: int, window: WindowKind | None = WindowKind.DAY) -> BudgetRaise:
    """A person gives that much."""
    return BudgetRaise(id=id, window=window, micros=micros, by="ann", reason="month end")


def test_raise_gives_room_for_this_window_alone() -> None:
    """It is there at once, once, and gone with the day."""
    full = hold(account(day_micros=DOLLAR), "a")
    more = give(full, raised("r1", DOLLAR), OWNER, NOON)
    assert give(more, raised("r1", DOLLAR), OWNER, NOON) == more
    assert ask(more, "b", 5 * DOLLAR)[1].room.micros == DOLLAR
    tomorrow = NOON + timedelta(days=1)
    assert rules.hold(more, asks("b", 5 * DOLLAR), OWNER, tomorrow)[1].room.micros == DOLLAR


@pytest.mark.parametrize(
    ("window", "message"),
    [
        (WindowKind.MONTH, "agent report has no month_usd: there is nothing to raise"),
        (None, "of the day, or of the month"),
    ],
)
def test_raise_of_a_limit_that_is_none_is_refused(window: WindowKind | None, message: str) -> None:
    """Room that limits nothing would be a promise of nothing."""
    with pytest.raises(RaiseRefusedError, match=message):
        give(account(day_micros=DOLLAR), raised("r1", DOLLAR, window), OWNER, NOON)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"micros": -1}, "raised, never lowered"),
        ({"micros": DOLLAR, "tokens": -1}, "raised, never lowered"),
        ({"micros": 0}, "above nothing"),
        ({"steps": 3}, "count no steps"),
        ({"id": ""}, "an id of its own"),
    ],
)
def test_raise_that_gives_nothing_is_refused(more: dict[str, Any], message: str) -> None:
    """Whatever sends it: no limit sinks, and no later raise is taken for it."""
    given = raised("r1", CENT).model_copy(update=more)
    with pytest.raises(RaiseRefusedError, match=message):
        give(account(day_micros=DOLLAR, day_tokens=9), given, OWNER, NOON)
