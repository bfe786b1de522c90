"""What differs between two JSON documents."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.checks.json_changes import json_changes
from rota.model import canonical_json


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param({"a": 1}, {"a": 2}, [("a", "changed", 1, 2)], id="changed"),
        pytest.param({"a": 1}, {"a": 1.0}, [("a", "changed", 1, 1.0)], id="other-number"),
        pytest.param({}, {"a": 1}, [("a", "added", None, 1)], id="added"),
        pytest.param({"a": None}, {}, [("a", "removed", None, None)], id="null-removed"),
        pytest.param({"a": {"b": 1}}, {"a": {"b": 2}}, [("a.b", "changed", 1, 2)], id="nested"),
        pytest.param(
            {"a": [1, 2]},
            {"a": [3, 1]},
            [("a[]", "removed", 2, None), ("a[]", "added", None, 3)],
            id="entries",
        ),
        pytest.param([1, 1], [1], [("[]", "removed", 1, None)], id="as-often"),
        pytest.param([1, 2], [2, 1], [("[]", "changed", [1, 2], [2, 1])], id="order-alone"),
        pytest.param("a", {"a": 1}, [("", "changed", "a", {"a": 1})], id="other-kind"),
    ],
)
def test_json_changes_names_what_differs(
    before: Any, after: Any, expected: list[tuple[Any, ...]]
) -> None:
    """Path, what happened, and both values."""
    found = json_changes(before, after)
    assert [(each.path, each.change, each.before, each.after) for each in found] == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from("ab"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=8,
)


@given(JSON, JSON)
def test_json_changes_finds_nothing_only_where_nothing_differs(before: Any, after: Any) -> None:
    """No difference goes unseen, and none is made up."""
    assert (json_changes(before, after) == []) == (canonical_json(before) == canonical_json(after))
