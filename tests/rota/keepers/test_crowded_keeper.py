"""How many runs, and how much of their input, a keeper lets wait."""

import pytest

from rota.keepers import capacity
from rota.keepers.admission import Decision
from rota.keepers.state import MOST_WAITING, MOST_WAITING_BYTES
from rota.model import canonical_json
from rota.runs import RunStatus
from tests.rota.keepers.desks import Desk

BASE = len(canonical_json({"text": ""}))


@pytest.mark.parametrize(
    ("most", "most_bytes", "text", "decision", "reason"),
    [
        pytest.param(3, 1000, "x", Decision.WAIT, "is held by holder", id="room for one more"),
        pytest.param(2, 1000, "x", Decision.SKIP, "2 runs wait already, the most is 2", id="full"),
        pytest.param(3, 3 * (BASE + 1), "x", Decision.WAIT, "is held by", id="bytes to the brim"),
        pytest.param(
            *(3, 3 * (BASE + 1), "xx", Decision.SKIP),
            f"2 runs wait already, with {2 * (BASE + 1)} bytes of input",
            id="one byte too much",
        ),
    ],
)
def test_queue_takes_runs_up_to_its_bounds_and_refuses_the_next(
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    most_bytes: int,
    text: str,
    decision: Decision,
    reason: str,
) -> None:
    """A run beyond them is skipped, with a reason that says what to do."""
    monkeypatch.setattr(capacity, "MOST_WAITING", most)
    monkeypatch.setattr(capacity, "MOST_WAITING_BYTES", most_bytes)
    desk = Desk()
    for name in ("holder", "w1", "w2"):
        desk.admit(name, input={"text": "x"})
    answer = desk.admit("late", input={"text": text})
    assert answer.decision is decision
    assert reason in answer.reason


def test_refused_run_leaves_its_key_free_and_those_who_left_make_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was turned away holds nothing; the next trigger may wait when there is room."""
    monkeypatch.setattr(capacity, "MOST_WAITING", 1)
    desk = Desk(dedupe_key="{input.n}")
    desk.admit("holder", input={"n": 0})
    desk.admit("waiter", input={"n": 1})
    assert desk.admit("late", input={"n": 2}).decision is Decision.SKIP
    assert len(desk.state.keys) == 2
    desk.settle("waiter", RunStatus.CANCELLED)
    assert desk.admit("later", input={"n": 2}).decision is Decision.WAIT


def test_bounds_let_the_largest_ordinary_queue_wait() -> None:
    """A thousand runs with 5 KB of input each stay below the bound of their bytes."""
    assert MOST_WAITING * 5_000 < MOST_WAITING_BYTES
