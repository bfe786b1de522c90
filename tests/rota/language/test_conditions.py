"""Conditions: what they say of a scope, and how they are refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.language.conditions import (
    DEEPEST,
    LONGEST,
    ConditionError,
    condition_paths,
    holds,
    readable_condition,
)

SCOPE: dict[str, Any] = {
    "payload": {"amount": 150, "currency": "EUR", "note": "", "test": False, "tags": ["a", "b"]},
    "code-review": {"output": {"total": 3.5, "rows": [{"id": 7}]}},
    "zero": 0,
    "nothing": None,
}


@pytest.mark.parametrize(
    ("condition", "truth"),
    [
        ("payload.amount > 100", True),
        ("payload.amount > 150", False),
        ("payload.amount >= 150 and payload.amount <= 150", True),
        ("payload.amount != 150", False),
        ("100 < payload.amount", True),
        ("-1 < zero", True),
        ("code-review.output.total == 3.5", True),
        ("code-review.output.rows.0.id == 7", True),
        ("code-review.output.rows.1.id == null", True),
        ('payload.currency in ["EUR", "USD"]', True),
        ('payload.currency in ["USD"]', False),
        ('"U" in payload.currency', True),
        ('"a" in payload.tags', True),
        ('"amount" in payload', True),
        ("payload.currency == 'EUR'", True),
        ("payload.note", False),
        ("payload.tags", True),
        ("payload.missing", False),
        ("payload.missing.deeper == null", True),
        ("not payload.test", True),
        ("not not payload.amount", True),
        ("payload.test or payload.amount", True),
        # `and` binds tighter than `or`, `not` tighter than both.
        ("true or false and false", True),
        ("(true or false) and false", False),
        ("not true or true", True),
        ("not (true or true)", False),
    ],
)
def test_condition_is_true_as_it_reads(condition: str, truth: bool) -> None:
    """Paths, literals, comparisons, membership, and how they bind."""
    assert holds(condition, SCOPE) is truth


@pytest.mark.parametrize(
    "condition",
    [
        'payload.amount > "100"',
        'payload.amount < "100"',
        'payload.amount == "150"',
        "payload.missing > 0",
        "payload.missing < 0",
        "payload.test == 0",
        "true == 1",
        "1 in [true]",
        "true > 0",
        "payload.tags > 1",
        "1 in payload.currency",
        "1 in nothing",
        "payload > payload",
    ],
)
def test_condition_over_values_of_different_kinds_is_false(condition: str) -> None:
    """They are unequal and neither is less: no error, no guess."""
    assert holds(condition, SCOPE) is False


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("", "it ends early"),
        ("payload.amount >", "it ends early"),
        ("> 1", "a value is missing before '>'"),
        ("a b", "unexpected 'b'"),
        ("a < b < c", "unexpected '<'"),
        ("(a", "a ')' is missing"),
        ('(a ")"', "a ')' is missing"),
        ("a)", "unexpected ')'"),
        ("a and", "it ends early"),
        ("a and or b", "a value is missing before 'or'"),
        ("a & b", "cannot read '& b'"),
        ("__import__('os')", "unexpected '('"),
        ('a == "x', "cannot read"),
        ('a in [1, "]', "is not JSON"),
        ("a == [1,]", "[1,] is not JSON"),
        ("a == 01", "01 is not JSON"),
        ("a." * LONGEST, f"at most {LONGEST} characters"),
        ("(" * (DEEPEST + 1) + "a" + ")" * (DEEPEST + 1), f"more than {DEEPEST} parentheses"),
        ("(" * 400, f"more than {DEEPEST} parentheses"),
    ],
)
def test_condition_that_cannot_be_read_says_where(condition: str, says: str) -> None:
    """One line that shows the place, and an example of the right form."""
    with pytest.raises(ConditionError) as caught:
        readable_condition(condition)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_condition_in_parentheses_side_by_side_is_not_deep() -> None:
    """Only parentheses within one another count."""
    condition = " and ".join(["(a)"] * (DEEPEST + 10))
    assert holds(condition, {"a": 1})
    assert holds("(" * DEEPEST + "a" + ")" * DEEPEST, {"a": 1})


def test_condition_paths_are_all_it_names() -> None:
    """Literals and words of the language are none of them."""
    condition = 'a.b > 1 and (not c or "d" in e.f) or true == g'
    assert condition_paths(condition) == {"a.b", "c", "e.f", "g"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
OPERANDS = st.sampled_from(["a", "b", "a.b", "a.0", "1", '"x"', "null", "true", '[1, "x"]'])
COMPARED = st.tuples(
    OPERANDS, st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in", "and", "or"]), OPERANDS
).map(" ".join)


@given(COMPARED, JSON, JSON)
def test_condition_never_fails_on_what_it_is_given(condition: str, a: Any, b: Any) -> None:
    """Whatever the scope holds, there is an answer, and `not` gives the other one."""
    scope = {"a": a, "b": b}
    assert holds(f"not ({condition})", scope) is not holds(condition, scope)


@given(st.text(max_size=60) | st.text(alphabet="ab().1<>= \"'[]notandri", max_size=60))
def test_condition_of_any_text_is_read_or_refused(text: str) -> None:
    """No text brings another error than the one declared."""
    try:
        readable_condition(text)
    except ConditionError:
        return
    assert holds(text, {}) in (True, False)
