"""Circles among names: found if there are any, shown as a way that can be followed."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from schedules.cycles import find_cycles, reachable, shown

GRAPHS = st.dictionaries(
    st.sampled_from("abcdefg"), st.lists(st.sampled_from("abcdefgh"), max_size=4), max_size=7
)


@given(GRAPHS)
def test_find_cycles_of_any_graph_gives_one_true_circle_per_knot(
    edges: dict[str, list[str]],
) -> None:
    """Each circle follows edges and comes back; each name on a circle is in just one knot."""
    circles = find_cycles(edges)
    for circle in circles:
        assert circle[0] == circle[-1]
        assert len(set(circle)) == len(circle) - 1
        assert all(after in edges[before] for before, after in pairwise(circle))
    on_circles = {name for name in edges if name in reachable(name, edges)}
    knots = {frozenset(reachable(name, edges) & _back(name, edges)) for name in on_circles}
    assert len(circles) == len(knots)


def _back(name: str, edges: dict[str, list[str]]) -> set[str]:
    return {other for other in edges if name in reachable(other, edges)}


def test_find_cycles_of_a_chain_of_a_thousand_needs_no_deep_stack() -> None:
    """A long pipeline is no circle, and closing it is one circle of all."""
    chain = {str(n): [str(n + 1)] for n in range(1000)}
    assert find_cycles(chain) == []
    (circle,) = find_cycles({**chain, "1000": ["0"]})
    assert len(circle) == 1002


def test_shown_prints_the_whole_way() -> None:
    """The circle reads from left to right."""
    assert shown(["a", "b", "a"]) == "a → b → a"
