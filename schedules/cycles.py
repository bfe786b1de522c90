"""Circles in a graph of names: who waits for whom, in the end for itself.

Pure, and without recursion: a pipeline may be a chain of a thousand nodes.
"""

from collections import deque
from collections.abc import Iterable, Mapping

Edges = Mapping[str, Iterable[str]]


def find_cycles(edges: Edges) -> list[list[str]]:
    """Return one circle per knot, each as `[a, b, a]`, shortest first found.

    A knot is a set of names that all reach one another; breaking its circle may leave
    another one for the next look.
    """
    forward = {name: list(dict.fromkeys(targets)) for name, targets in edges.items()}
    backward: dict[str, list[str]] = {}
    for name, targets in forward.items():
        for target in targets:
            backward.setdefault(target, []).append(name)
    found: list[list[str]] = []
    done = _outside_circles(forward, backward)
    for name in forward:
        if name in done:
            continue
        circle = _way_back(name, forward)
        if circle is None:
            continue
        found.append(circle)
        done |= reachable(name, forward) & reachable(name, backward)
    return found


def reachable(start: str, edges: Edges) -> set[str]:
    """Return every name that `start` leads to, itself only if it does."""
    seen: set[str] = set()
    open_names = list(edges.get(start, ()))
    while open_names:
        name = open_names.pop()
        if name not in seen:
            seen.add(name)
            open_names.extend(edges.get(name, ()))
    return seen


def shown(circle: Iterable[str]) -> str:
    """Print a circle as people follow it: `a → b → a`."""
    return " → ".join(circle)


def _outside_circles(forward: Edges, backward: Edges) -> set[str]:
    """Return names that cannot be on a circle: taken away from the ends, one by one."""
    waiting = {name: len(list(targets)) for name, targets in forward.items()}
    ends = [name for name, count in waiting.items() if not count]
    ends += [name for name in backward if name not in forward]
    gone: set[str] = set()
    while ends:
        name = ends.pop()
        gone.add(name)
        for source in backward.get(name, ()):
            waiting[source] -= 1
            if not waiting[source]:
                ends.append(source)
    return gone


def _way_back(start: str, edges: Edges) -> list[str] | None:
    came_from: dict[str, str] = {}
    queue = deque([start])
    while queue:
        name = queue.popleft()
        for target in edges.get(name, ()):
            if target == start:
                way = [start, name]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return [start] if len(way) == 1 else [start, *reversed(way[1:-1]), start]
            if target not in came_from:
                came_from[target] = name
                queue.append(target)
    return None
