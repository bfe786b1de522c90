"""Memory: merge patches as RFC 7396 has them, and the cap."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.model import canonical_json
from rota.turns.memory import (
    MEMORY_LIMIT,
    MemoryTooLargeError,
    apply_patches,
    check_size,
    merge_patch,
)

# RFC 7396, appendix A: original, patch, result.
APPENDIX: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]

SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


@pytest.mark.parametrize(("original", "patch", "result"), APPENDIX)
def test_merge_patch_follows_the_standard(original: Any, patch: Any, result: Any) -> None:
    """Every example of the standard's appendix."""
    assert merge_patch(original, patch) == result


@given(VALUES, VALUES)
def test_merge_patch_twice_is_once_and_changes_no_argument(target: Any, patch: Any) -> None:
    """A patch applied again finds nothing to do; its inputs stay as they were."""
    kept = copy.deepcopy((target, patch))
    once = merge_patch(target, patch)
    assert merge_patch(once, patch) == once
    assert (target, patch) == kept


@given(st.lists(DOCUMENTS, max_size=4), DOCUMENTS)
def test_apply_patches_at_once_equals_one_by_one(patches: list[Any], document: Any) -> None:
    """A run's patches are applied in order."""
    here = document
    for patch in patches:
        here = merge_patch(here, patch)
    assert apply_patches(document, patches) == here


@given(
    st.dictionaries(st.sampled_from("ab"), SCALARS, max_size=2),
    st.dictionaries(st.sampled_from("cd"), SCALARS, max_size=2),
)
def test_apply_patches_of_different_keys_in_any_order_agree(one: Any, other: Any) -> None:
    """Parallel runs that touch different keys lose nothing, whoever settles first."""
    base = {"a": 0, "c": 0}
    assert apply_patches(base, [one, other]) == apply_patches(base, [other, one])


@pytest.mark.parametrize("patch", [None, [], "x", 1])
def test_apply_patches_without_an_object_is_refused(patch: Any) -> None:
    """A memory is a document: no patch may replace it by something else."""
    with pytest.raises(ValueError, match="a memory patch must be a JSON object"):
        apply_patches({}, [patch])


def test_check_size_at_the_limit_is_allowed_and_beyond_it_refused() -> None:
    """The cap is exact in bytes of canonical JSON; the message says how to mend it."""
    frame = len(canonical_json({"k": ""}))
    check_size({"k": "x" * (MEMORY_LIMIT - frame)})
    with pytest.raises(MemoryTooLargeError) as caught:
        check_size({"k": "x" * (MEMORY_LIMIT - frame + 1)})
    assert str(caught.value) == (
        "memory would hold 65537 bytes, the limit is 65536: remove keys by setting them to "
        "null, or keep bulk data in a tool's own store"
    )


def test_apply_patches_may_pass_the_cap_on_the_way() -> None:
    """Only the outcome counts: a patch may make room for one before it."""
    big = {"k": "x" * MEMORY_LIMIT}
    assert apply_patches({}, [big, {"k": None}]) == {}
    with pytest.raises(MemoryTooLargeError):
        apply_patches({}, [big])
