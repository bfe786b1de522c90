"""A day of five-minute slots: verdicts agree with the list that the day itself has kept."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from rota.expected.missed import account_of
from rota.expected.verdicts import Judge
from tests.rota.expected.handled_day import HandledDay
from tests.rota.expected.simulated_day import EVERY, Day, Span
from tests.rota.keepers.desks import T0

SLOTS = 288


@st.composite
def spans(draw: st.DrawFn, count: int, longest: int) -> tuple[Span, ...]:
    """Spans of a day that do not touch, none of whose ends is a slot."""
    found: list[Span] = []
    at = 0
    for _ in range(draw(st.integers(0, count))):
        start = at + 300 * draw(st.integers(0, 60)) + draw(st.integers(1, 299))
        start += start % 300 == 0
        length = draw(st.integers(1, longest))
        length += (start + length) % 300 == 0
        found.append(Span(start, length))
        at = start + length + 1
    return tuple(found)


@st.composite
def days(draw: st.DrawFn, slots: int = SLOTS) -> Day:
    """A day on which much goes wrong."""
    numbers = st.integers(0, slots - 1)
    return Day(
        slots=slots,
        outages=draw(spans(6, 4000)),
        pauses=draw(spans(3, 4000)),
        freezes=draw(spans(3, 4000)),
        slow=draw(st.dictionaries(numbers, st.integers(30, 3000), max_size=12)),
        failing=draw(st.frozensets(numbers, max_size=12)),
        catchup=draw(st.sampled_from(["latest", "all", "skip"])),
        window=timedelta(seconds=draw(st.sampled_from([60, 301, 600, 1800]))),
    )


@st.composite
def handled_days(draw: st.DrawFn) -> HandledDay:
    """A day with pauses by hand, none of which begins or ends while the server is away."""
    found: dict[str, list[Span]] = {"outages": [], "pauses": []}
    at = 0
    for kind in draw(st.lists(st.sampled_from([*found]), max_size=8)):
        start = at + 300 * draw(st.integers(1, 40)) + draw(st.integers(1, 299))
        length = draw(st.integers(1, 4000))
        length += (start + length) % 300 == 0
        found[kind].append(Span(start, length))
        at = start + length + 300
    slow = draw(st.dictionaries(st.integers(0, SLOTS - 1), st.integers(30, 3000), max_size=12))
    outages, pauses = found["outages"], found["pauses"]
    newer = draw(st.booleans())
    return HandledDay(slots=SLOTS, outages=outages, pauses=pauses, slow=slow, newer=newer)


@given(day=handled_days(), remembered=st.booleans())
@settings(max_examples=10)
def test_verdicts_of_pauses_by_hand_agree_with_the_day(day: HandledDay, remembered: bool) -> None:
    """On either scheduler, also once they are over: somebody has looked, and told the keeper."""
    evidence = day.live().evidence(remembered=remembered, witnessed=False)
    judge = Judge(evidence, day.now)
    for slot, truth in day.truth.items():
        verdict = judge.verdict(slot)
        assert verdict.state.value in truth, (slot, truth, verdict)


@given(day=days(), remembered=st.booleans(), witnessed=st.booleans())
@settings(max_examples=10)
def test_verdicts_of_a_day_of_trouble_agree_with_the_day(
    day: Day, remembered: bool, witnessed: bool
) -> None:
    """Whatever befell a slot is told, also from the ledger alone; and missed is what has none."""
    evidence = day.live().evidence(remembered=remembered, witnessed=witnessed)
    judge = Judge(evidence, day.now)
    verdicts = {slot: judge.verdict(slot) for slot in sorted(day.truth)}
    for slot, verdict in verdicts.items():
        assert verdict.state.value in day.truth[slot], (slot, day.truth[slot], verdict)
    account = account_of(evidence, T0, day.now)
    done = {slot for slot, truth in day.truth.items() if truth == {"succeeded"}}
    # The last run may have taken until after slots that the day does not have.
    missed = {each.verdict.slot for each in account.missed} & set(day.truth)
    assert missed == set(day.truth) - done
    assert account.succeeded == len(done)


def test_day_of_the_model_holds_every_kind_of_trouble() -> None:
    """The days above would prove little if nothing befell them."""
    day = Day(
        slots=SLOTS,
        outages=(Span(3601, 1500), Span(40_001, 700)),
        pauses=(Span(10_001, 1000),),
        freezes=(Span(20_001, 1000),),
        slow={100: 2000},
        failing=frozenset({120}),
    )
    told = {word for truth in day.live().truth.values() for word in truth}
    assert told == {
        *("succeeded", "failed", "coalesced", "frozen", "paused", "overlap"),
        *("outside_window", "server_down"),
    }


def test_account_tells_which_later_run_answers_for_a_missed_slot() -> None:
    """A success covers all since the one before; a slot that was coalesced into one is excused."""
    day = Day(slots=30, outages=(Span(1901, 1400),), pauses=(Span(7001, 500),)).live()
    account = account_of(day.evidence(remembered=False, witnessed=False), T0, day.now)
    told = [
        (
            (each.verdict.slot - T0) // EVERY,
            each.verdict.state.value,
            each.covered_by[-9:],
            each.is_excused,
        )
        for each in account.missed
    ]
    assert told == [
        (7, "outside_window", "06:55:00Z", False),
        (8, "outside_window", "06:55:00Z", False),
        (9, "outside_window", "06:55:00Z", False),
        (10, "coalesced", "06:55:00Z", True),
        (24, "paused", "08:10:00Z", True),
        (25, "paused", "08:10:00Z", True),
    ]
