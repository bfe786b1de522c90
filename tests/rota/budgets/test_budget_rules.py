"""Reservations: what is granted, refused, counted, given back, raised and told."""

from datetime import datetime, timedelta

import pytest

from rota.budgets import rules
from rota.budgets.reservations import NOTHING, Amount, Cap, WindowKind
from tests.rota.budgets.accounts import (
    CENT,
    DOLLAR,
    NOON,
    OWNER,
    TODAY,
    account,
    ask,
    asks,
    ends,
    hold,
    micros,
    run,
)


def test_run_is_granted_what_it_wants() -> None:
    """Its own limit is what is reserved, and what it may spend."""
    after, grant = ask(account(day_micros=5 * DOLLAR), "a", 2 * DOLLAR)
    assert grant.room == Cap(micros=2 * DOLLAR)
    assert after.holds["a"].amount.micros == 2 * DOLLAR


def test_run_is_granted_what_is_left() -> None:
    """The last one gets less than it wants, and not nothing."""
    full = hold(account(day_micros=5 * DOLLAR), "a", "b", wanted=2 * DOLLAR)
    _, grant = ask(full, "c", 2 * DOLLAR)
    assert (grant.room.micros, grant.refused) == (DOLLAR, "")


def test_run_is_refused_with_the_limit_its_owner_and_the_time() -> None:
    """Whoever reads the refusal knows what to raise, or how long to wait."""
    full = hold(account("Europe/Berlin", day_micros=DOLLAR), "a")
    after, grant = ask(full, "b", DOLLAR)
    assert grant.refused == (
        "day_usd of agent report: $1.0000 of $1.0000 spent or reserved until 2026-11-24T00:00+01:00"
    )
    assert grant.cure == 'rota budget raise report --usd 1 --day --reason "it needs more"'
    assert grant.until == datetime.fromisoformat("2026-11-23T23:00Z")
    assert (grant.room.micros, after.holds["b"].amount) == (0, Amount())


def test_run_that_needs_more_than_is_left_is_refused() -> None:
    """Less than the next step may cost is of no use, and is left for others."""
    after, grant = ask(hold(account(day_micros=3 * CENT), "a", wanted=CENT), "b", least=3 * CENT)
    assert grant.refused
    assert ask(after, "c", CENT)[1].room.micros == CENT


def test_refusal_of_day_and_month_names_the_one_that_turns_last() -> None:
    """It is of no use to come back at midnight to a month that is used up."""
    full = hold(account(day_micros=DOLLAR, month_micros=DOLLAR), "a")
    grant = ask(full, "b", DOLLAR)[1]
    assert grant.refused.startswith("month_usd")
    assert grant.until == datetime.fromisoformat("2026-12-01T00:00Z")


def test_account_without_limits_only_counts() -> None:
    """Nothing is refused, no room is named, and the sums are there all the same."""
    open_account, grant = ask(account(), "a")
    assert grant.room == Cap()
    assert not grant.refused
    assert micros(rules.end(open_account, ends("a", 7 * CENT), NOON), TODAY) == (7 * CENT, 0)


@pytest.mark.parametrize(
    ("costs", "reserved"), [([], 50 * CENT), ([3], 3), (list(range(1, 101)), 98), ([0, 0], 50_0000)]
)
def test_run_without_a_limit_reserves_what_such_runs_cost(costs: list[int], reserved: int) -> None:
    """The 95th percentile of the last fifty; a tenth of the limit while nothing is known."""
    known = account(day_micros=5 * DOLLAR)
    for number, cost in enumerate(costs):
        known = hold(known, f"old{number}", wanted=CENT)
        known = rules.end(known, ends(f"old{number}", cost), NOON)
    assert ask(known, "a")[1].room.micros == reserved


def test_request_that_comes_again_gets_the_same_grant() -> None:
    """A lost answer is asked for again, and nothing is reserved or counted twice."""
    first, grant = ask(account(day_micros=5 * DOLLAR), "a", DOLLAR)
    assert ask(first, "a", DOLLAR) == (first, grant)


def test_next_request_ends_the_reservation_before() -> None:
    """What was spent of it is counted, the rest is free, and the new one is reserved."""
    first = hold(account(day_micros=5 * DOLLAR), "a", wanted=2 * DOLLAR)
    second, grant = ask(first, "a", 4 * DOLLAR, number=2, spent=DOLLAR)
    assert grant.room.micros == 4 * DOLLAR
    assert micros(second, TODAY) == (DOLLAR, 0)
    third = ask(second, "a", DOLLAR, number=3, spent=3 * DOLLAR)[0]
    assert micros(third, TODAY) == (3 * DOLLAR, 0)


def test_request_that_comes_too_late_changes_nothing() -> None:
    """Of an older request the account has known the answer for long."""
    first = hold(account(day_micros=5 * DOLLAR), "a")
    second = ask(first, "a", DOLLAR, number=2, spent=DOLLAR)[0]
    assert ask(second, "a", DOLLAR, number=1)[0] == second


def test_refused_request_is_decided_anew_with_the_same_number() -> None:
    """A run that was told of room asks once more, and what it had spent is counted once."""
    full = hold(account(day_micros=2 * DOLLAR), "a", "b")
    refused, grant = ask(full, "a", DOLLAR, number=2, spent=DOLLAR)
    assert grant.refused
    freed = rules.end(refused, ends("b", 0), NOON)
    granted, grant = ask(freed, "a", DOLLAR, number=2, spent=DOLLAR)
    assert grant.room.micros == DOLLAR
    assert micros(granted, TODAY) == (DOLLAR, 0)
    assert granted.waiting == ()


def test_run_that_gives_back_keeps_nothing_and_waits_for_nothing() -> None:
    """A run that is parked for another reason does not hold what others could use."""
    first = hold(account(day_micros=DOLLAR), "a")
    request = asks("a", number=2, spent=CENT).model_copy(update={"wanted": NOTHING})
    given, grant = rules.hold(first, request, OWNER, NOON)
    assert (grant.refused, given.waiting) == ("", ())
    assert ask(given, "b", DOLLAR)[1].room.micros == DOLLAR - CENT
    assert ask(given, "a", DOLLAR, number=2, spent=CENT)[1].room.micros == DOLLAR - CENT


def test_reservation_is_given_back_under_its_own_number() -> None:
    """Where another account refused, this one frees what it had just granted."""
    first = hold(account(day_micros=DOLLAR), "a")
    back = asks("a").model_copy(update={"wanted": NOTHING})
    assert ask(rules.hold(first, back, OWNER, NOON)[0], "b", DOLLAR)[1].room.micros == DOLLAR


def test_end_counts_the_truth_and_frees_the_rest() -> None:
    """Whatever was reserved, what was spent is what counts, unknown shown apart."""
    done = rules.end(hold(account(day_micros=DOLLAR), "a"), ends("a", 3 * CENT, 2 * CENT), NOON)
    assert micros(done, TODAY) == (3 * CENT, 2 * CENT)
    assert ask(done, "b", DOLLAR)[1].room.micros == DOLLAR - 5 * CENT


def test_end_that_comes_again_counts_once() -> None:
    """A report is repeated until it is heard; whatever comes after it changes nothing."""
    done = rules.end(hold(account(day_micros=DOLLAR), "a"), ends("a", CENT), NOON)
    assert rules.end(done, ends("a", CENT), NOON) == done
    late, grant = ask(done, "a", DOLLAR, number=2, spent=CENT)
    assert (late, grant.refused) == (done, "this run has ended")


def test_end_counts_in_the_day_of_the_reservation() -> None:
    """A run that settles after midnight does not take from the new day."""
    tomorrow = NOON + timedelta(days=1)
    first = hold(account(day_micros=DOLLAR), "a")
    done = rules.end(first, ends("a", CENT), tomorrow)
    assert micros(done, TODAY) == (CENT, 0)
    assert micros(done, "2026-11-24") == (0, 0)


def test_end_of_a_run_that_an_account_never_knew_is_counted_where_it_comes() -> None:
    """An account that was lost and made anew misses nothing that is told to it later."""
    assert micros(rules.end(account(), ends("a", CENT), NOON), TODAY) == (CENT, 0)


def test_end_of_a_run_that_never_began_counts_nowhere() -> None:
    """A run that was turned away in its queue is none of the day; what it asks late is refused."""
    gone = rules.end(account(), ends("a", 0), NOON)
    assert (gone.windows, gone.holds) == ({}, {})
    assert ask(gone, "a")[1].refused == "this run has ended"


def test_total_that_goes_down_takes_nothing_back() -> None:
    """A run that was reset tells less than before; the money was paid, and the limit knows it."""
    first = ask(account(day_micros=DOLLAR), "a", 50 * CENT)[0]
    told = ask(first, "a", 50 * CENT, number=2, spent=9 * CENT, unknown=2 * CENT)[0]
    reset = ask(told, "a", 50 * CENT, number=3, spent=CENT)[0]
    assert micros(reset, TODAY) == (9 * CENT, 2 * CENT)
    again = ask(reset, "a", 50 * CENT, number=4, spent=10 * CENT, unknown=2 * CENT)[0]
    assert micros(again, TODAY) == (10 * CENT, 2 * CENT)
    assert micros(rules.end(reset, ends("a", CENT), NOON), TODAY) == (9 * CENT, 2 * CENT)


def test_limit_begins_anew_with_the_day() -> None:
    """At local midnight there is the whole limit again, open reservations or not."""
    full = hold(account("Europe/Berlin", day_micros=DOLLAR), "a")
    before = datetime.fromisoformat("2026-11-23T22:59:59Z")
    assert rules.hold(full, asks("b", DOLLAR), OWNER, before)[1].refused
    after = before + timedelta(seconds=1)
    assert rules.hold(full, asks("b", DOLLAR), OWNER, after)[1].room.micros == DOLLAR


def test_day_of_25_hours_is_one_day() -> None:
    """Where the clocks go back, the hour that comes twice is of the same limit."""
    night = datetime.fromisoformat("2026-10-25T00:30Z")  # 02:30 in Berlin, the first time
    full = hold(account("Europe/Berlin", day_micros=DOLLAR), "a", at=night)
    for hours in (1, 22):
        assert rules.hold(full, asks("b", DOLLAR), OWNER, night + timedelta(hours=hours))[1].refused
    assert not rules.hold(full, asks("b", DOLLAR), OWNER, night + timedelta(hours=23))[1].refused


def test_soft_limit_is_told_from_its_share_on() -> None:
    """What is spent counts for it, not what is only reserved."""
    held = hold(account(day_micros=DOLLAR), "a", wanted=90 * CENT)
    assert not ask(held, "b", CENT)[1].soft
    assert not ask(rules.end(held, ends("a", 79 * CENT), NOON), "b", CENT)[1].soft
    assert ask(rules.end(held, ends("a", 80 * CENT), NOON), "b", CENT)[1].soft


def test_refused_runs_are_told_when_there_is_room_in_their_order() -> None:
    """Each once, and no more of them than can go on with what they want."""
    full = hold(account(day_micros=2 * DOLLAR), "a", "b")
    for name in ("c", "d", "e"):
        full = ask(full, name, DOLLAR)[0]
    assert rules.due_word(full, NOON) == (full, ())
    freed = rules.end(full, ends("a", 0), NOON)
    freed, told = rules.due_word(freed, NOON)
    assert told == (run("c"),)
    assert [waiter.run for waiter in freed.waiting] == [run("d"), run("e")]
    assert [each.key for each in rules.due_word(rules.end(freed, ends("b", 0), NOON), NOON)[1]] == [
        "d",
        "e",
    ]


def test_run_that_needs_more_than_there_is_is_not_told() -> None:
    """It would be refused again, and told again, for ever."""
    full = hold(account(day_micros=DOLLAR), "a", "b", wanted=50 * CENT)
    full = ask(full, "c", least=60 * CENT)[0]
    freed = rules.end(full, ends("a", 0), NOON)
    assert rules.due_word(freed, NOON)[1] == ()
    assert rules.due_word(rules.end(freed, ends("b", 0), NOON), NOON)[1] == (run("c"),)


def test_only_runs_that_hold_something_are_looked_after_for_others() -> None:
    """A parked run keeps nobody waiting, and nobody waits while all is granted."""
    held = hold(account(day_micros=DOLLAR), "a")
    assert rules.holders(held) == ()
    assert rules.holders(ask(held, "b")[0]) == (run("a"),)


def test_account_remembers_62_days_and_those_still_open() -> None:
    """Its state does not grow for ever, and no run loses the day that it counts in."""
    old = hold(account(), "a")
    for day in range(100):
        at = NOON + timedelta(days=day)
        old = rules.end(hold(old, f"r{day}", at=at), ends(f"r{day}", CENT), at)
    days = old.windows[WindowKind.DAY]
    assert len(days) == 63
    assert days[0].key == TODAY
    done = rules.end(old, ends("a", CENT), NOON + timedelta(days=100))
    assert micros(done, TODAY) == (2 * CENT, 0)
