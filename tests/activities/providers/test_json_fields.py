"""A provider's answer of another shape fails by name."""

from typing import Any

import pytest

from activities.providers.json_fields import field, optional_field
from rota.failures import FailureCategory, StepError

ANSWER: dict[str, Any] = {
    "id": "a1",
    "count": 3,
    "cost": 0.5,
    "done": True,
    "none": None,
    "items": [{"name": "first"}],
}


@pytest.mark.parametrize(
    ("path", "kind", "found"),
    [
        ("id", str, "a1"),
        ("count", int, 3),
        ("count", float, 3.0),
        ("cost", float, 0.5),
        ("done", bool, True),
        ("items", list, [{"name": "first"}]),
        ("items.0", dict, {"name": "first"}),
        ("items.0.name", str, "first"),
    ],
)
def test_field_of_the_right_type_is_returned(path: str, kind: type, found: object):
    """Names and positions lead to the value."""
    assert field(ANSWER, path, kind, "Acme") == found


@pytest.mark.parametrize(
    ("path", "kind", "problem"),
    [
        ("missing", str, "it should be text, and is missing"),
        ("none", str, "it should be text, and is null"),
        ("id", int, "it should be a whole number, and is text"),
        ("done", int, "it should be a whole number, and is true or false"),
        ("cost", int, "it should be a whole number, and is a number"),
        ("count", bool, "it should be true or false, and is a whole number"),
        ("items.1.name", str, "it should be text, and is missing"),
        ("items.name", str, "it should be text, and is missing"),
        ("id.more", str, "it should be text, and is missing"),
    ],
)
def test_field_of_another_shape_fails_by_name(path: str, kind: type, problem: str):
    """The failure names the service, the field and the difference, and is not tried again."""
    with pytest.raises(StepError) as caught:
        field(ANSWER, path, kind, "Acme")
    assert caught.value.category is FailureCategory.OUTCOME_INVALID
    assert str(caught.value) == f"Acme's answer has no usable {path}: {problem}"
    assert caught.value.maybe_billed


def test_field_of_an_answer_that_is_no_object_fails_by_name():
    """A list or a text where an object should be is no AttributeError."""
    for answer in ([], "text", None, 3):
        with pytest.raises(StepError, match="Acme's answer has no usable id"):
            field(answer, "id", str, "Acme")


def test_optional_field_may_be_absent_or_null_but_not_of_another_type():
    """Optional means absent, not anything."""
    assert optional_field(ANSWER, "missing", str, "Acme") is None
    assert optional_field(ANSWER, "none", str, "Acme") is None
    assert optional_field(ANSWER, "id", str, "Acme") == "a1"
    with pytest.raises(StepError, match="no usable id"):
        optional_field(ANSWER, "id", int, "Acme")
