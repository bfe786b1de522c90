"""Keys filled from a run's input."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.language.key_text import DEDUPE_BYTES, FAIRNESS_BYTES, fairness_key, run_keys, shortened
from rota.language.templates import TemplateError
from tests.rota.keepers.desks import pinned


@given(text=st.text(), most=st.integers(20, 80))
def test_shortened_is_short_and_stays_as_it_is(text: str, most: int) -> None:
    """Never more bytes than allowed; short text untouched; shortening again changes nothing."""
    short = shortened(text, most)
    assert len(short.encode()) <= most
    assert shortened(short, most) == short
    assert short == text or len(text.encode()) > most


def test_shortened_keeps_different_texts_apart() -> None:
    """Two long texts with the same beginning stay two."""
    long = "x" * 300
    assert shortened(long + "a", 64) != shortened(long + "b", 64)
    assert shortened(long + "a", 64).startswith("x" * 40)


@pytest.mark.parametrize(
    ("input", "key"),
    [
        ({"repo": "r", "sha": "1"}, "r@1"),
        ({"repo": "r", "sha": 1}, "r@1"),
        ({"repo": "r" * 300, "sha": 1}, shortened("r" * 300 + "@1", DEDUPE_BYTES)),
    ],
)
def test_run_keys_are_text_of_the_values(input: dict[str, Any], key: str) -> None:
    """Equal values give equal keys, and no key is long."""
    assert run_keys(pinned(dedupe_key="{input.repo}@{input.sha}"), input).dedupe == key


@pytest.mark.parametrize(
    ("input", "words"),
    [({}, "no 'sha'"), ({"sha": None}, "null"), ({"sha": ""}, "empty")],
)
def test_run_keys_without_the_value_are_an_error(input: dict[str, Any], words: str) -> None:
    """Runs that lack the value must not all meet in one run."""
    with pytest.raises(TemplateError, match=words) as error:
        run_keys(pinned(dedupe_key="{input.sha}"), input)
    assert "dedupe key '{input.sha}'" in str(error.value)


def test_fairness_key_of_a_value_that_is_not_text_is_its_json() -> None:
    """A key is text, and equal values give equal keys."""
    spec = pinned(fairness_key="{input.c}")
    assert fairness_key(spec, {"c": {"b": 1, "a": 2}}) == '{"a":2,"b":1}'
    assert len(fairness_key(spec, {"c": "x" * 100}) or "") == FAIRNESS_BYTES
