"""A pipeline played without a server: declared in a few words, its runs ended by the test."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from rota.pipelines.ends import PipelineEnd, pipeline_end, run_ended
from rota.pipelines.inputs import Given
from rota.pipelines.moves import Moves, Start
from rota.pipelines.plan import Clock, Plan, plan_of
from rota.pipelines.rules import MOST_STARTS, advance, stop
from rota.pipelines.run import NodeResult
from rota.pipelines.spec import PipelineSpec
from rota.pipelines.state import DagState, NodeState, initial_state
from rota.runs import RunStatus, Trigger

T0 = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
"""06:00 in Berlin."""
SUCCEEDED, FAILED, SKIPPED = RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.SKIPPED
CANCELLED, TIMED_OUT, BLOCKED = RunStatus.CANCELLED, RunStatus.TIMED_OUT, RunStatus.BLOCKED

Ends = Callable[[Start], NodeResult]


def node(*after: str, **fields: Any) -> dict[str, Any]:
    """A node of agent `a`, after those named unless `after` says otherwise."""
    return {"agent": "a", "after": list(after), **fields}


def done(output: Any = None, **fields: Any) -> NodeResult:
    """A run that succeeded."""
    return NodeResult(status=SUCCEEDED, output=output, **fields)


def failed(reason: str = "boom", status: RunStatus = FAILED) -> NodeResult:
    """A run that did not."""
    return NodeResult(status=status, reason=reason)


class Play:
    """One run; its clock moves only when the test says so, or all is waiting."""

    def __init__(
        self,
        nodes: dict[str, dict[str, Any]],
        *,
        kept: dict[str, NodeResult] | None = None,
        input: dict[str, Any] | None = None,
        trigger: Trigger = Trigger.SCHEDULE,
        started_at: datetime = T0,
        outputs: dict[str, Any] | None = None,
        refused: dict[str, str] | None = None,
        room: int = MOST_STARTS,
        deadline: datetime | None = None,
    ) -> None:
        self.spec = PipelineSpec.model_validate({"name": "p", "nodes": nodes})
        clock = Clock(
            started_at=started_at,
            slot=T0,
            timezone="Europe/Berlin",
            trigger=trigger,
            deadline=deadline,
        )
        self.plan: Plan = plan_of(self.spec, clock)
        self.state: DagState = initial_state(kept or {}, tuple(nodes))
        self.given = Given(
            input=input or {},
            slot="2026-11-23T05:00:00Z",
            outputs=outputs or {},
            refused=refused or {},
        )
        self.now = started_at
        self.room = room
        self.moves = Moves()
        self.started: list[Start] = []
        self.working: dict[tuple[str, int], Start] = {}

    def step(self) -> Moves:
        """Ask what to do now, and do it."""
        self.state, self.moves = advance(
            self.plan, self.state, self.given, self.now, room=self.room
        )
        for start in self.moves.starts:
            assert (start.node, start.index) not in self.working, "two runs in one place"
            self.working[start.node, start.index] = start
            self.started.append(start)
        return self.moves

    def end(self, name: str, result: NodeResult | None = None, index: int = 0) -> Moves:
        """End a run at work and see what follows."""
        del self.working[name, index]
        self.state = run_ended(self.plan, self.state, name, index, result or done(), self.now)
        return self.step()

    def at(self, clock: str) -> Moves:
        """Set the clock, in UTC, and see what follows."""
        hour, minute = clock.split(":")
        self.now = self.now.replace(hour=int(hour), minute=int(minute))
        return self.step()

    def cancel(self) -> Moves:
        """Cancel the run as a whole."""
        self.state = stop(self.state, CANCELLED, "cancelled by request")
        return self.step()

    def play(self, ends: Ends = lambda _: done()) -> "Play":
        """Play to the end: every run ends as `ends` says, the oldest first."""
        self.step()
        while not self.moves.finished:
            if self.working:
                (name, index), start = next(iter(self.working.items()))
                self.end(name, ends(start), index)
            elif self.moves.more:
                self.step()
            else:
                assert self.moves.wake is not None, "nothing is left that could happen"
                assert self.moves.wake > self.now
                self.now = self.moves.wake
                self.step()
        return self

    def node(self, name: str) -> NodeState:
        """A node's state."""
        return self.state.node(name)

    def result(self, name: str) -> NodeResult:
        """The end of a node that has ended."""
        result = self.node(name).result
        assert result is not None, f"{name} has not ended"
        return result

    def ends(self) -> dict[str, str]:
        """Each node's status."""
        return {name: self.result(name).status.value for name in self.plan.nodes}

    def runs(self) -> list[str]:
        """Every run started, as `node`, `node/item` or `node#attempt`."""
        return [
            start.node
            + ("" if start.item is None else f"/{start.item}")
            + ("" if start.attempt == 1 else f"#{start.attempt}")
            for start in self.started
        ]

    def whole(self) -> PipelineEnd:
        """How the run ended."""
        return pipeline_end(self.plan, self.state)

    def after(self, span: timedelta) -> Moves:
        """Let time pass and see what follows."""
        self.now += span
        return self.step()


def by_name(**ends: NodeResult | list[NodeResult]) -> Ends:
    """Ends by node: one for every run, or one per run in turn; others succeed."""
    left = {name: list(end) if isinstance(end, list) else end for name, end in ends.items()}

    def choose(start: Start) -> NodeResult:
        end = left.get(start.node, done())
        return end.pop(0) if isinstance(end, list) else end

    return choose
