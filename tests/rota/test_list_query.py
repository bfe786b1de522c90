"""Words of list queries."""

from rota.list_query import any_of, quoted


def test_quoted_value_with_a_quote_cannot_leave_its_quotes() -> None:
    """A quote within a value is dropped: a query has no way to write it."""
    assert quoted("a' OR 'b") == "'a OR b'"


def test_any_of_values_keeps_their_order() -> None:
    """What stands behind IN is in the order given, each value quoted."""
    assert any_of(["b", "a"]) == "('b', 'a')"
    assert any_of([]) == "()"
