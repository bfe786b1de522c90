"""The matching passes and the rules for what is certain, on a few entries by hand."""

from collections.abc import Callable
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

MONDAY = date(2026, 10, 5)


@pytest.fixture(scope="session")
def bank(example: SimpleNamespace) -> Callable[..., Any]:
    """Makes a bank entry; what is not said is ordinary."""

    def make(name: str, cents: int = 100_00, **fields: Any) -> Any:
        ordinary = {
            "account": "A",
            "booked": MONDAY,
            "currency": "EUR",
            "reference": "INV-1",
            "counterparty": "Werft",
            "text": "",
            "reversal": False,
            "payments": 1,
            "original_cents": None,
            "original_currency": "",
        }
        return example.entries.BankEntry(id=name, cents=cents, **(ordinary | fields))

    return make


@pytest.fixture(scope="session")
def line(example: SimpleNamespace) -> Callable[..., Any]:
    """Makes a ledger line; what is not said is ordinary."""

    def make(name: str, cents: int = 100_00, **fields: Any) -> Any:
        ordinary = {
            "account": "A",
            "entered": MONDAY,
            "posted": MONDAY,
            "currency": "EUR",
            "reference": "INV-1",
            "counterparty": "Werft",
            "text": "",
            "document_cents": None,
            "document_currency": "",
        }
        return example.entries.LedgerLine(id=name, cents=cents, **(ordinary | fields))

    return make


def _found(matches: list[Any]) -> list[tuple[str, str, str]]:
    return [(" ".join(m.bank_ids), " ".join(m.ledger_ids), m.method.value) for m in matches]


FRIDAY = MONDAY - timedelta(days=3)
THURSDAY = MONDAY + timedelta(days=3)


@pytest.mark.parametrize(
    ("on_bank", "on_ledger", "found"),
    [
        ({}, {}, "exact"),
        ({"booked": FRIDAY}, {}, "tolerance"),
        ({"booked": THURSDAY}, {}, None),
        ({"cents": 100_02}, {}, "tolerance"),
        ({"cents": 100_03}, {}, None),
        ({"cents": -100_00}, {}, None),
        ({"reference": "INV-2"}, {}, None),
        ({"currency": "CHF"}, {}, None),
        ({"reference": ""}, {}, "tolerance"),
        ({"reference": "", "counterparty": "WERFT "}, {}, "tolerance"),
        ({"reference": "", "counterparty": "Harz"}, {}, None),
        ({"reference": "", "cents": 100_01}, {}, None),
        ({"reference": ""}, {"reference": ""}, "tolerance"),
        (
            {"cents": 101_00, "original_cents": 110_00, "original_currency": "USD"},
            {"document_cents": 110_00, "document_currency": "USD"},
            "tolerance",
        ),
        (
            {"cents": 103_00, "original_cents": 110_00, "original_currency": "USD"},
            {"document_cents": 110_00, "document_currency": "USD"},
            None,
        ),
        (
            {"cents": 101_00, "original_cents": 111_00, "original_currency": "USD"},
            {"document_cents": 110_00, "document_currency": "USD"},
            None,
        ),
    ],
)
def test_match_of_one_with_one(
    example: SimpleNamespace,
    bank: Any,
    line: Any,
    on_bank: dict[str, Any],
    on_ledger: dict[str, Any],
    found: str | None,
) -> None:
    """Reference, amount and day decide, each within its tolerance; text never does."""
    matches = example.matching.match([bank("b", **on_bank)], [line("l", **on_ledger)])
    assert _found(matches) == ([("b", "l", found)] if found else [])


def test_match_prefers_the_nearest_day(example: SimpleNamespace, bank: Any, line: Any) -> None:
    """Of two alike the one of the same day is taken, in whatever order they come."""
    near, far = line("z"), line("a", posted=FRIDAY)
    for lines in ([near, far], [far, near]):
        assert _found(example.matching.match([bank("b")], lines)) == [("b", "z", "exact")]


def test_match_of_instalments_needs_the_sum_to_be_unique(
    example: SimpleNamespace, bank: Any, line: Any
) -> None:
    """Two halves settle a line; with three of them nobody can say which two."""
    halves = [bank("b1", 50_00), bank("b2", 50_00), bank("b3", 50_00)]
    match = example.matching.match
    assert _found(match(halves[:2], [line("l")])) == [("b1 b2", "l", "split")]
    assert match(halves, [line("l")]) == []


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"reference": "", "text": "INV-1 INV-2"}, True),
        ({"reference": "", "text": "all of them"}, True),
        ({"reference": "", "text": "all of them", "payments": 2}, True),
        ({"reference": "", "text": "all of them", "payments": 3}, False),
        ({"reference": "", "counterparty": "Harz"}, False),
        ({"reference": "INV-9", "text": "all of them"}, False),
        ({"reference": "", "text": "INV-1 INV-2", "booked": THURSDAY}, False),
    ],
)
def test_match_of_a_collective_payment(
    example: SimpleNamespace, bank: Any, line: Any, fields: dict[str, Any], found: bool
) -> None:
    """Named lines, or lines of the same party in the number the bank says, add up."""
    entry = bank("b", 150_00, **fields)
    lines = [line("l1"), line("l2", 50_00, reference="INV-2")]
    expected = [("b", "l1 l2", "merged")] if found else []
    assert _found(example.matching.match([entry], lines)) == expected


def test_match_with_too_many_candidates_leaves_them_open(
    example: SimpleNamespace, bank: Any, line: Any
) -> None:
    """The search is bounded: forty instalments are a person's work, not an hour of CPU."""
    parts = [bank(f"b{n}", 2**n) for n in range(40)]
    assert example.matching.match(parts, [line("l", 2**40 - 1)]) == []


_SMALL = st.lists(
    st.tuples(
        st.integers(1, 6).map(lambda n: n * 10_00),
        st.sampled_from(["INV-1", "INV-2", ""]),
        st.integers(0, 4),
    ),
    max_size=6,
)


@given(entries=_SMALL, lines=_SMALL)
def test_match_uses_each_once_balances_and_ignores_order(
    example: SimpleNamespace, bank: Any, line: Any, entries: Any, lines: Any
) -> None:
    """For any books: nothing is used twice, sums agree, and the order given is no matter."""
    left = [
        bank(f"b{n}", cents, reference=reference, booked=MONDAY + timedelta(days=days))
        for n, (cents, reference, days) in enumerate(entries)
    ]
    right = [
        line(f"l{n}", cents, reference=reference, posted=MONDAY + timedelta(days=days))
        for n, (cents, reference, days) in enumerate(lines)
    ]
    matches = example.matching.match(left, right)
    used = [i for m in matches for i in (*m.bank_ids, *m.ledger_ids)]
    assert len(used) == len(set(used))
    worth = {item.id: item.cents for item in (*left, *right)}
    for found in matches:
        gap = sum(worth[i] for i in found.bank_ids) - sum(worth[i] for i in found.ledger_ids)
        assert abs(gap) <= example.entries.ROUNDING
        assert 1 in (len(found.bank_ids), len(found.ledger_ids))
    assert example.matching.match(left[::-1], right[::-1]) == matches


@pytest.mark.parametrize(
    ("cents", "days_known", "kind"),
    [
        (100_50, 0, "wrong_amount"),
        (99_50, 0, None),
        (99_50, 1, None),
        (99_50, 2, "wrong_amount"),
    ],
)
def test_classify_waits_for_what_may_be_an_instalment(
    example: SimpleNamespace, bank: Any, line: Any, cents: int, days_known: int, kind: str | None
) -> None:
    """Too much is certain at once; too little only when no second part can come."""
    found = _classified(example, [bank("b", cents)], [line("l")], days_known)
    assert found == ([("b", kind, ("l",))] if kind else [])


@pytest.mark.parametrize(
    ("side", "days_known", "kind"),
    [
        ("bank", 1, None),
        ("bank", 2, "missing_in_ledger"),
        ("ledger", 1, None),
        ("ledger", 2, "missing_at_bank"),
    ],
)
def test_classify_waits_for_a_counterpart(
    example: SimpleNamespace, bank: Any, line: Any, side: str, days_known: int, kind: str | None
) -> None:
    """An item alone is missing on the other side once the usual delay is over."""
    entries, lines = ([bank("x")], []) if side == "bank" else ([], [line("x")])
    found = _classified(example, entries, lines, days_known)
    assert found == ([("x", kind, ())] if kind else [])


def test_classify_of_a_line_dated_ahead_waits_for_its_day(
    example: SimpleNamespace, line: Any
) -> None:
    """A line for next week is not missing at the bank this week."""
    ahead = line("l", posted=MONDAY + timedelta(days=7))
    assert _classified(example, [], [ahead], 5) == []
    assert _classified(example, [], [ahead], 7) == [("l", "missing_at_bank", ())]


def _classified(
    example: SimpleNamespace, entries: list[Any], lines: list[Any], days_known: int
) -> list[tuple[str, str, tuple[str, ...]]]:
    # Business days after MONDAY, skipping the one weekend in reach.
    known = MONDAY + timedelta(days=days_known + (2 if days_known > 4 else 0))
    books = example.classify.Books(tuple(entries), tuple(lines), (), (), known, known)
    return [(f.entry_id, f.kind.value, f.related) for f in example.classify.classify(books)]
