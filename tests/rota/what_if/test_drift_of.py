"""What today's code would say otherwise, from what a history has and what the code asks for."""

from typing import Any

import pytest

from rota.what_if.replay import Asked, ReplayVerdict, drift_of


def asked(key: str, event: int = 0, **says: Any) -> Asked:
    """One activity that was, or would be, asked for."""
    return Asked(kind="activity", key=key, label=f"activity a{key}", event=event, says=says)


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ({"input": {"a": 1}}, {"input": {"a": 1}}, []),
        ({"input": {"a": 1}}, {"input": {"a": 2}}, [("input.a", "changed", 1, 2)]),
        ({"input": {"a": 1}}, {"input": {"a": 1, "b": 2}}, [("input.b", "added", None, 2)]),
        ({"input": {"a": 1}}, {"input": {}}, [("input.a", "removed", 1, None)]),
        # Left to the server, which has filled it in.
        ({"heartbeat": "10s"}, {"heartbeat": None}, []),
        ({"heartbeat": "10s"}, {"heartbeat": "3s"}, [("heartbeat", "changed", "10s", "3s")]),
        ({"heartbeat": None}, {"heartbeat": "3s"}, [("heartbeat", "changed", None, "3s")]),
    ],
)
def test_drift_names_what_is_said_otherwise(
    before: dict[str, Any], now: dict[str, Any], told: list[tuple[Any, ...]]
) -> None:
    """Each value that differs is told with its place, and nothing else is."""
    found = drift_of([asked("1", 7, **before)], [asked("1", **now)])
    assert [(d.path, d.change.value, d.before, d.after) for d in found] == told
    assert all((d.where, d.event) == ("activity a1", 7) for d in found)


def test_drift_of_what_one_side_alone_has_is_none() -> None:
    """What is cancelled before it was sent, or lies beyond the history's end, is not compared."""
    recorded = [asked("1", 5, input=1), asked("3", 11, input=3)]
    wanted = [asked("2", input=2), asked("3", input=4)]
    assert [drift.event for drift in drift_of(recorded, wanted)] == [11]


def test_bad_verdicts_are_those_that_would_harm_open_runs() -> None:
    """Drift is told, and harms nobody."""
    assert [verdict for verdict in ReplayVerdict if verdict.bad] == ["nondeterministic", "error"]
