"""Templates: what they render to, and what they say when they cannot."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.language.templates import TemplateError, paths, render, required_paths

SCOPE: dict[str, Any] = {
    "input": {"account": "DE-1", "limit": 5, "tags": ["a", "b"], "none": None},
    "memory": {"seen": {"n": 2}},
}

RENDERED: list[tuple[Any, Any]] = [
    ("plain", "plain"),
    ("", ""),
    ("{input.account}", "DE-1"),
    ("{input.limit}", 5),
    ("{input.tags}", ["a", "b"]),
    ("{input.none}", None),
    ("{input.tags.1}", "b"),
    ("account {input.account}, limit {input.limit}", "account DE-1, limit 5"),
    ("tags {input.tags}", 'tags ["a", "b"]'),
    ("{memory.missing|0}", 0),
    ("{memory.missing|none yet}", "none yet"),
    ("{memory.missing|}", ""),
    ("{memory.missing|[]}", []),
    ("{input.none|x}", "x"),
    ("n={memory.missing|0}", "n=0"),
    ("{{input.account}}", "{input.account}"),
    ("{{{input.account}}}", "{DE-1}"),
    ({"a": ["{input.limit}", {"b": "{memory.seen.n}"}], "c": 7}, {"a": [5, {"b": 2}], "c": 7}),
    ({"{input.account}": 1}, {"{input.account}": 1}),
    (("{input.limit}",), [5]),
    (None, None),
]

REFUSED = [
    ("{input.iban}", "{input.iban}: no 'iban'; 'input' has account, limit, none, tags"),
    ("{output}", "{output}: no 'output'; the scope has input, memory"),
    ("{input.tags.7}", "{input.tags.7}: no '7'; 'input.tags' is a list of 2"),
    ("{input.limit.x}", "{input.limit.x}: no 'x'; 'input.limit' is int"),
    ("key {input.none}", "{input.none} is null; give a default: {input.none|none}"),
    ("{", "'{': lone '{'; write {{ for a brace"),
    ("a}", "'a}': lone '}'; write }} for a brace"),
    (
        "{a + b}",
        (
            "'{a + b}' is not a template; write a dotted path such as {input.account}, "
            "or double the braces to mean them literally"
        ),
    ),
]


@pytest.mark.parametrize(("template", "expected"), RENDERED)
def test_render_template_gives_expected_value(template: Any, expected: Any) -> None:
    """Each form of template renders to exactly this JSON value, type included."""
    result = render(template, SCOPE)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(("template", "message"), REFUSED)
def test_render_impossible_template_names_path_and_what_is_there(
    template: str, message: str
) -> None:
    """A template that cannot be filled says which path, and what it found instead."""
    with pytest.raises(TemplateError) as caught:
        render(template, SCOPE)
    assert str(caught.value) == message


def test_paths_nested_template_finds_all() -> None:
    """Paths are found at any depth; only those without a default are required."""
    template = {"a": ["{input.x}", "{input.y|1}"], "b": "{{no}} {memory.z}"}
    assert paths(template) == {"input.x", "input.y", "memory.z"}
    assert required_paths(template) == {"input.x", "memory.z"}


@given(st.text())
def test_render_escaped_text_returns_it(text: str) -> None:
    """Any text with its braces doubled renders to itself."""
    assert render(text.replace("{", "{{").replace("}", "}}"), {}) == text


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_render_single_template_keeps_any_value(value: Any) -> None:
    """A string that is one template returns the scope's value unchanged."""
    assert render("{input.value}", {"input": {"value": value}}) == value
