"""What holds of every pipeline, whatever its shape and however its runs end."""

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rota.failures import FailureCategory
from rota.pipelines.edges import edge_fault
from rota.pipelines.moves import Start
from rota.pipelines.rules import advance
from rota.pipelines.run import NodeResult
from rota.pipelines.spec import After
from rota.pipelines.state import FAILING, DagState, Phase
from rota.runs import RunStatus
from tests.rota.pipelines.dag_play import T0, Play

UNKNOWN = FailureCategory.OUTCOME_UNKNOWN
STATUSES = st.sampled_from(
    [
        *(RunStatus.SUCCEEDED, RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.TIMED_OUT),
        *(RunStatus.BLOCKED, RunStatus.CANCELLED, RunStatus.SKIPPED),
    ]
)


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """Up to eight nodes, declared in any order, each after some of those that come before."""
    names = [f"n{i}" for i in range(draw(st.integers(1, 8)))]
    nodes: dict[str, dict[str, Any]] = {}
    for place, name in enumerate(names):
        earlier = draw(st.sets(st.sampled_from(names[:place]), max_size=3)) if place else set()
        spec: dict[str, Any] = {
            "agent": "a",
            "after": {up: draw(st.sampled_from(After)) for up in sorted(earlier)},
            "attempts": draw(st.integers(1, 2)),
            "on_failure": {
                "rerun_upstream": draw(st.integers(0, 2)),
                "backoff": draw(st.sampled_from(["0s", "10m"])),
            },
        }
        if draw(st.booleans()) and place + 1 < len(names):
            spec["on_failure"]["run"] = draw(st.sampled_from(names[place + 1 :]))
        if draw(st.integers(0, 3)) == 0:
            spec["for_each"] = list(range(draw(st.integers(0, 4))))
            spec["parallel"] = draw(st.integers(1, 3))
        if draw(st.integers(0, 3)) == 0:
            spec["not_before"] = draw(st.sampled_from(["06:15", "20m"]))
        if draw(st.integers(0, 3)) == 0:
            spec["deadline"] = draw(st.sampled_from(["06:30", "1h"]))
        if earlier and draw(st.integers(0, 3)) == 0:
            spec["when"] = f'{sorted(earlier)[0]}.status == "succeeded"'
        nodes[name] = spec
    order = draw(st.permutations(names))
    return {name: nodes[name] for name in order}


class Watched(Play):
    """A play that checks, at every step, what must always hold."""

    def step(self) -> Any:
        before = self.state
        again = advance(self.plan, before, self.given, self.now, room=self.room)
        moves = super().step()
        assert (self.state, moves) == again, "equal questions have equal answers"
        assert len(moves.starts) <= self.room
        for start in moves.starts:
            self._may_start(start, self.state)
        for name, state in before.nodes.items():
            if state.phase is Phase.ENDED:
                assert self.node(name) == state, "what has ended has ended"
        for name in self.plan.nodes:
            working = sum(place.phase is Phase.RUNNING for place in self.node(name).places)
            assert working <= self.plan.nodes[name].parallel
        assert self.state.running == len(self.working), "no run is forgotten, none invented"
        return moves

    def _may_start(self, start: Start, state: DagState) -> None:
        spec = self.plan.nodes[start.node]
        last = state.node(start.node).places[start.index].result
        assert last is None or last.category is not UNKNOWN, "repeated blindly"
        for upstream, condition in spec.after.items():
            end = state.node(upstream).result
            assert end is not None, "started before what it waits for"
            assert not edge_fault(condition, upstream, end)
        handled = self.plan.handles.get(start.node, ())
        ends = [state.node(name).result for name in handled]
        assert not handled or any(end is not None and end.status in FAILING for end in ends)
        gate = self.plan.not_before.get(start.node)
        deadline = self.plan.deadlines.get(start.node)
        assert gate is None or self.now >= gate
        assert deadline is None or self.now < deadline


@given(graphs(), st.data(), st.integers(1, 4), st.sampled_from([None, 25]))
def test_pipeline_of_any_shape_comes_to_an_end_and_keeps_its_rules(
    nodes: dict[str, Any], data: st.DataObject, room: int, minutes: int | None
) -> None:
    """It ends, every node with a status and none before its time, each place with one run.

    Runs end in any order and way; time passes between; the whole may be cancelled.
    """
    deadline = None if minutes is None else T0 + timedelta(minutes=minutes)
    play = Watched(nodes, room=room, deadline=deadline)
    play.step()
    steps = 0
    while not play.moves.finished:
        steps += 1
        assert steps < 2000, "it does not come to an end"
        choice = data.draw(st.integers(0, 9))
        if choice == 0:
            play.after(timedelta(minutes=7))
        elif choice == 1 and steps > 5:
            play.cancel()
        elif play.working:
            key = data.draw(st.sampled_from(sorted(play.working)))
            status = data.draw(STATUSES)
            category = data.draw(st.sampled_from([None, UNKNOWN])) if status in FAILING else None
            play.end(key[0], NodeResult(status=status, category=category), key[1])
        elif play.moves.more:
            play.step()
        else:
            assert play.moves.wake is not None, "nothing is left that could happen"
            play.now = play.moves.wake
            play.step()
    assert not play.working
    ends = play.ends()
    assert set(ends) == set(nodes)
    assert all(RunStatus(end).closed for end in ends.values())
    runs = play.runs()
    assert len(set(runs)) == len(runs), "no run is started twice"
    for name in nodes:
        state, spec = play.node(name), play.plan.nodes[name]
        asked = [play.plan.nodes[other].on_failure.rerun_upstream for other in nodes]
        assert state.reruns <= max(asked)
        assert all(place.runs <= spec.attempts + state.reruns for place in state.places)
    skipped = [name for name, end in ends.items() if end == "skipped"]
    assert all(play.result(name).reason for name in skipped if not play.node(name).places)
    bad = {end for end in ends.values() if RunStatus(end) in FAILING}
    whole = play.whole()
    assert (whole.status is RunStatus.SUCCEEDED) == (not bad and play.state.stopped is None)


@given(graphs(), st.data())
def test_state_survives_being_written_and_read_at_any_moment(
    nodes: dict[str, Any], data: st.DataObject
) -> None:
    """A run that continues as new goes on exactly as it would have."""
    straight, carried = Play(nodes), Play(nodes)
    straight.step()
    carried.step()
    while not straight.moves.finished:
        carried.state = DagState.model_validate_json(carried.state.model_dump_json())
        assert carried.moves == straight.moves
        if straight.working:
            key = data.draw(st.sampled_from(sorted(straight.working)))
            end = NodeResult(status=data.draw(STATUSES))
            straight.end(key[0], end, key[1])
            carried.end(key[0], end, key[1])
        else:
            assert straight.moves.wake is not None
            straight.now = carried.now = straight.moves.wake
            straight.step()
            carried.step()
    assert carried.ends() == straight.ends()
