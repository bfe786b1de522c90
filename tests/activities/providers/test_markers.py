"""Markers: one for each key, hidden in the text, and nobody else's beside it."""

from hypothesis import given
from hypothesis import strategies as st

from activities.providers.markers import hidden, marker_of, with_marker


@given(st.text(max_size=40), st.text(max_size=40))
def test_marker_is_the_same_for_a_key_and_another_for_another(one: str, other: str) -> None:
    """It holds nothing but digits, so it fits into a label, a comment and a header."""
    try:
        marker = marker_of(one)
    except UnicodeEncodeError:
        return
    assert marker.isalnum()
    assert len(marker) == 32
    assert marker_of(one) == marker
    assert (one == other) or not other.isascii() or marker_of(other) != marker


@given(st.lists(st.text(max_size=20), max_size=4))
def test_text_holds_its_own_marker_alone(parts: list[str]) -> None:
    """Whatever a model copied from what it read."""
    foreign = hidden(marker_of("foreign"))
    own = hidden(marker_of("own"))
    text = with_marker(foreign.join(parts), marker_of("own"))
    assert text.endswith(own)
    assert text.count("<!-- rota:") == 1
    assert foreign not in text
