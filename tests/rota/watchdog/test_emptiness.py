"""What counts as nothing in a result."""

from typing import Any

import pytest

from rota.watchdog.emptiness import is_nothing


@pytest.mark.parametrize("value", [None, "", "  ", 0, [], {}, {"rows": [], "count": 0}, [[], ""]])
def test_result_that_holds_nothing_is_empty(value: Any) -> None:
    """Also where it is dressed up."""
    assert is_nothing(value)


@pytest.mark.parametrize("value", [False, True, 1, "x", [0, 1], {"rows": [{"a": 1}]}])
def test_result_that_holds_anything_is_not_empty(value: Any) -> None:
    """A plain no is an answer."""
    assert not is_nothing(value)


def test_deeply_nested_result_is_told_without_an_error() -> None:
    """Whatever a model writes, a run settles."""
    value: Any = []
    for _ in range(900):
        value = [value]
    assert not is_nothing(value)
