"""Task queues of runtimes: what a fleet names, and what does not fit together."""

from pathlib import Path

import pytest

from rota.runtimes.queue import RuntimeQueue
from schedules.fleet import load_fleet
from schedules.runtime_queues import runtime_queues
from tests.schedules.fleet_folder import findings, write


def agent(name: str, keys: str = "", fallback: str = "") -> str:
    """An agent whose runtime has more keys, and perhaps a fallback with such."""
    text = f"name: {name}\nruntime:\n  kind: anthropic\n  model: m\n"
    text += f"  {keys}\n" if keys else ""
    if fallback:
        text += f"  fallback:\n    - {{kind: anthropic, model: n, {fallback}}}\n"
    return text


LIMITED = "queue: claude\n  requests_per_second: "

MISFITS: dict[str, tuple[list[str], list[str]]] = {
    "two rates for one queue": (
        [agent("a", LIMITED + "5"), agent("b", LIMITED + "2.5")],
        [
            "agents/x.yaml:13: error: runtime.requests_per_second: queue 'claude' has 5 a "
            "second for 'a', and 2.5 here; a queue has one rate: write the same, or leave one out"
        ],
    ),
    "two rates, one of them of a fallback": (
        [agent("a", LIMITED + "5", "queue: claude, requests_per_second: 1")],
        [
            "agents/x.yaml:8: error: runtime.fallback[0].requests_per_second: queue 'claude' "
            "has 5 a second for 'a', and 1 here; a queue has one rate: write the same, or leave "
            "one out"
        ],
    ),
    "a rate without a queue": (
        [agent("a", "requests_per_second: 5")],
        [
            "agents/x.yaml:5: error: runtime.requests_per_second: needs queue: name the task "
            "queue whose calls are counted"
        ],
    ),
    "the queue of the keepers": (
        [agent("a", "queue: rota-keepers")],
        [
            "agents/x.yaml:5: error: runtime.queue: 'rota-keepers' is a queue of keepers; "
            "name one for this runtime's calls"
        ],
    ),
    "the queue of the watched sessions": (
        [agent("a", "queue: rota-watches")],
        [
            "agents/x.yaml:5: error: runtime.queue: 'rota-watches' is a queue of watched "
            "sessions; name one for this runtime's calls"
        ],
    ),
    "the queue of the runs": (
        [agent("a", "queue: rota")],
        [
            "agents/x.yaml:5: error: runtime.queue: 'rota' is a queue of runs; "
            "name one for this runtime's calls"
        ],
    ),
    "one rate for all": ([agent("a", LIMITED + "5"), agent("b", LIMITED + "5")], []),
    "one who leaves it to the others": (
        [agent("a", LIMITED + "5"), agent("b", "queue: claude")],
        [],
    ),
}


@pytest.mark.parametrize(("documents", "expected"), MISFITS.values(), ids=MISFITS)
def test_queue_that_does_not_fit_is_named_with_its_place(
    folder: Path, documents: list[str], expected: list[str]
) -> None:
    """A queue has one rate, whoever names it, and is no queue of Rota's own."""
    write(folder, "agents/x.yaml", "---\n".join(documents))
    assert findings(folder) == expected


def test_queues_of_a_fleet_are_each_named_once_with_their_rate(folder: Path) -> None:
    """Fallbacks count; a queue without a rate has none."""
    documents = [
        agent("a", LIMITED + "5", "queue: spare"),
        agent("b", "queue: claude"),
        agent("c"),
    ]
    write(folder, "agents/x.yaml", "---\n".join(documents))
    assert runtime_queues(load_fleet(folder)) == (
        RuntimeQueue(name="claude", requests_per_second=5.0),
        RuntimeQueue(name="spare"),
    )
