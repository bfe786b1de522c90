"""Whatever runs do, and however often they say it: the sums are exact and the limit holds."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from rota.budgets import rules
from rota.budgets.limits import limits_of
from rota.budgets.reservations import Account, HoldRequest, WindowKind
from rota.usage import Usage
from tests.rota.budgets.accounts import NOON, OWNER, account, asks, ends, micros, run

STEP = 10_000
"""What one step costs at most; a run asks for it before it takes the step."""


class Racer:
    """A run that takes steps until it is refused; each costs at most `STEP`."""

    def __init__(self, name: str, wanted: int | None) -> None:
        self.name, self.wanted = name, wanted
        self.number, self.spent, self.held = 1, 0, 0
        self.room: int | None = None
        self.over = False

    def request(self) -> HoldRequest:
        """What it asks for now."""
        return asks(self.name, self.wanted, number=self.number, least=STEP, spent=self.spent)

    def move(self, of: Account, cost: int) -> Account:
        """Take a step, or ask for room, or end."""
        if self.over:
            return of
        if self.room is None or self.spent + STEP > self.held + self.room:
            self.number += self.room is not None
            of, grant = rules.hold(of, self.request(), OWNER, NOON)
            again, same = rules.hold(of, self.request(), OWNER, NOON)
            if grant.refused:
                self.over = True
                return rules.end(again, ends(self.name, self.spent), NOON)
            assert (again, same) == (of, grant)
            self.room, self.held = grant.room.micros, self.spent
            return of
        self.spent += cost
        return of


@given(
    cap=st.integers(0, 60 * STEP),
    wanted=st.one_of(st.none(), st.integers(1, 20 * STEP)),
    moves=st.lists(st.tuples(st.integers(0, 49), st.integers(0, STEP)), max_size=300),
)
def test_50_runs_racing_for_the_last_dollar_stay_within_it(
    cap: int, wanted: int | None, moves: list[tuple[int, int]]
) -> None:
    """Together they spend the limit at most, and the account knows of every micro-dollar."""
    racers = [Racer(f"r{number}", wanted) for number in range(50)]
    racing = account(day_micros=cap)
    for number, cost in moves:
        racing = racers[number].move(racing, cost)
        reserved = sum(held.amount.micros for held in racing.holds.values())
        assert micros(racing, "2026-11-23")[0] + reserved <= cap
    for racer in racers:
        racing = rules.end(racing, ends(racer.name, racer.spent), NOON)
    assert micros(racing, "2026-11-23") == (sum(racer.spent for racer in racers), 0)
    assert sum(racer.spent for racer in racers) <= cap
    assert racing.holds == {}


@given(
    cap=st.integers(0, 10 * STEP),
    costs=st.lists(st.integers(0, 3 * STEP), min_size=50, max_size=50),
)
def test_steps_that_cost_more_than_was_thought_are_the_only_excess(
    cap: int, costs: list[int]
) -> None:
    """Runs that race spend at most the limit and what each one's last step cost too much."""
    racing, over = account(day_micros=cap), 0
    total = 0
    for number, cost in enumerate(costs):
        racing, grant = rules.hold(racing, asks(f"r{number}", STEP), OWNER, NOON)
        if not grant.refused:
            total += cost
            over += max(0, cost - (grant.room.micros or 0))
            racing = rules.end(racing, ends(f"r{number}", cost), NOON)
    assert total <= cap + over
    assert micros(racing, "2026-11-23") == (total, 0)


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["hold", "again", "end", "end again", "lost", "back"]),
        st.sampled_from("abcdef"),
        st.integers(0, 5 * STEP),
        st.integers(0, 3 * STEP),
        st.sampled_from([0, 0, 0, 1, 13, 26]),
    ),
    max_size=60,
)


@given(moves=MOVES, timezone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata"]))
def test_sums_are_exact_after_every_order_of_messages(
    moves: list[tuple[str, str, int, int, int]], timezone: str
) -> None:
    """What the windows hold is what runs told, and what lost ones held; nothing twice.

    Days, and months, each sum up to the same.
    """
    now, of = NOON, account(timezone, day_micros=9 * STEP, month_micros=30 * STEP)
    numbers: dict[str, int] = {}
    told: dict[str, int] = {}
    closed: set[str] = set()
    unknown = 0
    for what, name, wanted, cost, hours in moves:
        now += timedelta(hours=hours)
        if what == "lost":
            unknown += of.holds[name].amount.micros if name in of.holds else 0
            closed |= {name} & set(of.holds)
            of = rules.lost(of, run(name), Usage())
        elif what.startswith("end"):
            if name not in closed:
                told[name] = told.get(name, 0) + cost
                closed.add(name)
            of = rules.end(of, ends(name, told.get(name, 0)), now)
            assert rules.end(of, ends(name, told.get(name, 0)), now) == of
        else:
            if what != "again" and name not in closed:
                numbers[name] = numbers.get(name, 0) + 1
                told[name] = told.get(name, 0) + cost
            number = numbers.get(name, 1)
            request = asks(name, wanted, number=number, spent=told.get(name, 0))
            if what == "again" and name not in of.holds:
                continue
            of, _ = rules.hold(of, request, OWNER, now)
    for kind in WindowKind:
        tallies = of.windows.get(kind, ())
        assert sum(tally.spent.micros for tally in tallies) == sum(told.values())
        assert sum(tally.unknown.micros for tally in tallies) == unknown
    assert all(limit.reserved >= 0 for limit in limits_of(of, now))
    assert all(held.amount.micros >= 0 for held in of.holds.values())
    assert set(of.holds).isdisjoint(closed)
