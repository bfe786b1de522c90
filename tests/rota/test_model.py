"""Canonical JSON and the two base classes."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rota.model import Declared, Record, canonical_json, content_digest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON))
def test_canonical_json_does_not_depend_on_key_order(value: dict[str, Any]) -> None:
    """Equal documents have one encoding and one digest."""
    turned = dict(reversed(value.items()))
    assert canonical_json(turned) == canonical_json(value)
    assert content_digest(turned) == content_digest(value)


def test_canonical_json_is_pinned() -> None:
    """Stored digests depend on this very form: it must never change."""
    assert canonical_json({"b": [1, None], "a": "ü\n"}) == '{"a":"ü\\n","b":[1,null]}'.encode()
    digest = content_digest({"b": [1, None], "a": "ü\n"})
    assert digest == "385e8a58c1a02a46dd573ec53bf7785ca8be3df0506ddc758781d317c80eebaf"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, [math.nan]])
def test_canonical_json_without_a_json_form_is_refused(value: Any) -> None:
    """NaN would become null on the way, silently."""
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical_json(value)


def test_declared_refuses_an_unknown_key_and_record_ignores_it() -> None:
    """A typo must not become a default; a newer worker's field must not stop an older one."""

    class Wish(Declared):
        a: int = 1

    class Fact(Record):
        a: int = 1

    with pytest.raises(ValidationError, match="Extra inputs"):
        Wish.model_validate({"b": 2})
    assert Fact.model_validate({"b": 2}) == Fact()


@pytest.mark.parametrize("base", [Declared, Record])
def test_models_are_immutable(base: type[Declared] | type[Record]) -> None:
    """State changes by making a new state."""

    class Thing(base):  # type: ignore[valid-type, misc]
        a: int = 1

    with pytest.raises(ValidationError, match="frozen"):
        Thing().a = 2
