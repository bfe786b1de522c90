"""Soft limits are told once for each window, to those who want to hear of them."""

from datetime import datetime, timedelta

from rota.budgets import rules as budget_rules
from rota.budgets import soft_limits
from rota.budgets.raises import give
from rota.budgets.reservations import Account, Amount, BudgetRaise, Cap, HoldEnd, WindowKind
from rota.notices.facts import Fact
from rota.notices.spec import NotifySpec, Occasion
from tests.rota.keepers.desks import T0, run

WANTED = (NotifySpec(on=(Occasion.BUDGET_SOFT,), slack="env:HOOK"),)
DAY = timedelta(days=1)


def account(**caps: Cap) -> Account:
    """An account with limits, of which 80 % are soft."""
    limits = {WindowKind(kind): cap for kind, cap in caps.items()}
    return budget_rules.declare(Account(), limits, "Europe/Berlin", 0.8)


def spend(held: Account, name: str, tokens: int, now: datetime = T0) -> Account:
    """A run ends that has spent so much."""
    return budget_rules.end(held, HoldEnd(run=run(name), spent=Amount(tokens=tokens)), now)


def told(
    held: Account, now: datetime = T0, notify: tuple[NotifySpec, ...] = WANTED
) -> tuple[Account, tuple[Fact, ...]]:
    """Tell what is due."""
    return soft_limits.take(held, notify, owner="report", kind="agent", team="finance", now=now)


def test_soft_limit_is_told_once_when_it_is_reached() -> None:
    """With what was spent, and until when it counts."""
    held = spend(account(day=Cap(tokens=100)), "a", 79)
    assert not soft_limits.is_due(held, WANTED, T0)
    held, (fact,) = told(spend(held, "b", 1))
    assert fact.reason == "day_tokens: 80 tokens of 100 tokens spent; until 2026-11-23T00:00+01:00"
    assert (fact.occasion, fact.agent, fact.team) == (Occasion.BUDGET_SOFT, "report", "finance")
    assert fact.todo == "rota budget show report"
    held = spend(held, "c", 10)
    assert not soft_limits.is_due(held, WANTED, T0)
    assert told(held) == (held, ())


def test_soft_limit_is_told_again_in_the_next_window() -> None:
    """As another fact."""
    held, (first,) = told(spend(account(day=Cap(tokens=100)), "a", 90))
    later = T0 + DAY
    assert not soft_limits.is_due(held, WANTED, later)
    _, (second,) = told(spend(held, "b", 90, later), later)
    assert first.id != second.id


def test_both_limits_of_one_window_are_told_at_once_and_each_window_by_itself() -> None:
    """A month's limit may be reached long after a day's."""
    held = account(day=Cap(tokens=100), month=Cap(tokens=1000))
    held, facts = told(spend(held, "a", 90))
    assert [fact.reason.partition(":")[0] for fact in facts] == ["day_tokens"]
    _, facts = told(spend(held, "b", 800, T0 + DAY), T0 + DAY)
    assert [fact.reason.partition(":")[0] for fact in facts] == ["day_tokens", "month_tokens"]


def test_each_limit_of_a_window_is_told_by_itself() -> None:
    """That the dollars are nearly used up says nothing of the tokens."""
    held = account(day=Cap(tokens=100, micros=100))
    held = budget_rules.end(held, HoldEnd(run=run("a"), spent=Amount(micros=90)), T0)
    held, facts = told(held)
    assert [fact.reason.partition(":")[0] for fact in facts] == ["day_usd"]
    _, facts = told(spend(held, "b", 91))
    assert [fact.reason.partition(":")[0] for fact in facts] == ["day_tokens"]


def test_soft_limit_that_was_raised_is_told_again_when_that_is_nearly_reached() -> None:
    """Once, and as another fact: who gave more wants to know when that is gone, too."""
    held, (first,) = told(spend(account(day=Cap(tokens=100)), "a", 90))
    given = BudgetRaise(id="r1", window=WindowKind.DAY, tokens=900)
    held = give(held, given, "agent report", T0)
    assert not soft_limits.is_due(held, WANTED, T0)
    held, (second,) = told(spend(held, "b", 850))
    assert first.id != second.id
    assert told(held) == (held, ())


def test_soft_limit_that_nobody_wants_to_hear_of_is_not_taken_for_told() -> None:
    """Whoever asks later in the same window is told."""
    held = spend(account(day=Cap(tokens=100)), "a", 90)
    quiet = (NotifySpec(slack="env:HOOK"),)
    same, facts = told(held, notify=quiet)
    assert (same, facts) == (held, ())
    assert soft_limits.is_due(held, WANTED, T0)


def test_limit_that_was_raised_is_soft_by_what_it_is_now() -> None:
    """A raise in time keeps it from being told."""
    given = BudgetRaise(id="r1", window=WindowKind.DAY, tokens=100)
    held = give(account(day=Cap(tokens=100)), given, "agent report", T0)
    assert not soft_limits.is_due(spend(held, "a", 90), WANTED, T0)
