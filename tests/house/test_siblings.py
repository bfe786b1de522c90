"""Runtimes do not know each other; neither do tools, nor stores.

A rule by name rather than a list of modules, so a new runtime is covered by existing. A
runtime of several files shares its first word with them: `anthropic`, `anthropic_stream`.
"""

from itertools import permutations

import grimp
import pytest

from tests.house.repository import PACKAGES

MEETING_POINTS = {
    "activities.runtimes.base",
    "activities.runtimes.kinds",  # knows every kind there is, by name
    "activities.runtimes.open",  # knows every kind, to open the one a spec names
    "activities.stores.base",
    "activities.stores.open",  # chooses a store by its address
    "activities.stores.paths",  # one encoding of names, so stores can be copied
    "activities.tools.base",
    "activities.tools.open",  # knows every source of tools
}
"""The seam each sibling fills and the place that knows them all."""


def crossings(graph: grimp.ImportGraph, group: str) -> list[str]:
    """Chains of imports from one sibling of `group` to another, as `a -> b -> c`."""
    for module in MEETING_POINTS & graph.modules:
        graph.remove_module(module)
    siblings = sorted(graph.find_children(group))
    return [
        " -> ".join(chain)
        for importer, imported in permutations(siblings, 2)
        if family(importer) != family(imported)
        and (chain := graph.find_shortest_chain(importer, imported, as_packages=True))
    ]


def family(module: str) -> str:
    """The sibling that a module is part of: the first word of its name."""
    return module.rpartition(".")[2].partition("_")[0]


@pytest.mark.parametrize("group", ["runtimes", "stores", "tools"])
def test_siblings_do_not_import_each_other(group: str) -> None:
    """Each runtime, store and tool source can be read, changed and removed on its own."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    chains = crossings(graph, f"activities.{group}")
    assert not chains, f"siblings must not meet, directly or through others: {chains}"


def test_siblings_that_meet_through_a_third_module_are_found() -> None:
    """The rule sees a chain, lets a family talk to itself, and ignores meeting points."""
    graph = grimp.ImportGraph()
    bedrock, http = "activities.runtimes.bedrock", "activities.runtimes.http"
    for importer, imported in [
        (bedrock, "activities.runtimes.bedrock_stream"),
        (bedrock, "activities.runtimes.base"),
        ("activities.runtimes.base", http),
        (bedrock, "activities.pricing"),
    ]:
        graph.add_import(importer=importer, imported=imported)
    graph.add_module("activities.runtimes")
    assert crossings(graph, "activities.runtimes") == []

    graph.add_import(importer="activities.pricing", imported=http)
    assert crossings(graph, "activities.runtimes") == [f"{bedrock} -> activities.pricing -> {http}"]


def test_runtimes_are_reached_through_their_meeting_points_alone() -> None:
    """What a runtime is made of is its own; what others need of it belongs beside it."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    package = "activities.runtimes"
    own = graph.find_descendants(package) - MEETING_POINTS
    inside = {package, *graph.find_descendants(package)}
    reached = sorted(
        f"{importer} -> {module}"
        for module in own
        for importer in graph.find_modules_that_directly_import(module) - inside
    )
    assert not reached, f"move it to activities/providers: {reached}"
