"""The rules of a pipeline: from how its nodes stand to what happens next.

Pure. `advance` is asked whenever something has ended or a time has come; it settles all
that follows of itself (nodes skipped, failed, begun anew) and says what is left to do:
runs to start or to cancel, results to read, when to ask again. Equal questions have equal
answers. The workflow `PipelineRun` only carries them out.

The rules, in the order in which they are looked at:

1. Stopped as a whole, or past its own deadline, a node's runs are told to end.
2. Every edge must hold: `after`, and for a node named in `on_failure.run` the failure it
   is for. One that can no longer hold skips the node, with the reason.
3. `when` is false: skipped. `not_before` has not come: it waits.
4. `for_each` gives the node its places, else it has one. Each place has runs, one after the
   other, until one succeeds or `attempts` are used up.
5. A node that failed for good is run again where it failed, if a node that waits for it
   has `rerun_upstream` left; only then has it ended.
"""

from datetime import datetime

from rota.failures import MESSAGE_LIMIT, FailureCategory
from rota.pipelines.edges import standing
from rota.pipelines.ends import node_result, past_deadline, with_rerun
from rota.pipelines.inputs import (
    Given,
    InputError,
    MissingOutputs,
    condition_holds,
    input_of,
    items_of,
)
from rota.pipelines.moves import Cancel, Moves, Start
from rota.pipelines.plan import Plan
from rota.pipelines.run import NodeResult
from rota.pipelines.state import DagState, NodeState, Phase, Place
from rota.runs import RunStatus

MOST_STARTS = 50
"""Runs started in one go, so that no workflow task grows with the pipeline."""

MOST_AT_WORK = 1000
"""Runs at work at the same time: half of what the server lets a workflow wait for, as some
of them may have calls to end them under way."""


def advance(
    plan: Plan, state: DagState, given: Given, now: datetime, *, room: int = MOST_STARTS
) -> tuple[DagState, Moves]:
    """Return the state with all that follows at `now`, and what to do; at most `room` starts."""
    return _Pass(plan, state, given, now, room).result()


def stop(
    state: DagState, status: RunStatus, reason: str, category: FailureCategory | None = None
) -> DagState:
    """End the run as a whole: what works is told to end, nothing else begins.

    What was said first stands.
    """
    return _stopped(state, NodeResult(status=status, reason=reason, category=category))


def _stopped(state: DagState, told: NodeResult | None) -> DagState:
    return state if state.stopped else state.model_copy(update={"stopped": told})


class _Pass:
    """One look at every node that has not ended, each after those it waits for."""

    def __init__(self, plan: Plan, state: DagState, given: Given, now: datetime, room: int) -> None:
        self._plan = plan
        # One copy for the whole look, changed in place from here on: a copy for each change
        # would cost a wide pipeline the square of its nodes.
        self._state = state.model_copy(update={"nodes": dict(state.nodes)})
        self._ended = {name for name, node in state.nodes.items() if node.phase is Phase.ENDED}
        self._given = given
        self._now = now
        self._room = room
        self._free = MOST_AT_WORK - state.running
        self._starts: list[Start] = []
        self._cancels: list[Cancel] = []
        self._loads: dict[str, None] = {}
        self._wake: datetime | None = None
        self._more = False

    def result(self) -> tuple[DagState, Moves]:
        open_nodes = [name for name in self._plan.order if name not in self._ended]
        if open_nodes and self._is_past(self._plan.deadline):
            told = past_deadline(self._plan, open_nodes[0], self._now)
            self._state = _stopped(self._state, told)
        for name in open_nodes:
            self._look_at(name)
        return self._state, Moves(
            starts=tuple(self._starts),
            cancels=tuple(self._cancels),
            loads=tuple(self._loads),
            wake=self._wake,
            more=self._more,
            finished=self._ended.issuperset(open_nodes),
        )

    def _look_at(self, name: str) -> None:
        told = self._state.stopped
        if told is None and self._is_past(self._plan.deadlines.get(name)):
            told = past_deadline(self._plan, name, self._now)
        if told is not None:
            self._tell(name, told)
        elif self._state.node(name).phase is Phase.PENDING:
            upstreams = self._plan.waits_for[name]
            # Most nodes of a large pipeline, most of the time: no edge can be judged yet.
            if upstreams and upstreams.isdisjoint(self._ended):
                return
            self._begin(name)
        if self._state.node(name).phase is Phase.RUNNING:
            self._work(name, may_repeat=told is None)

    def _tell(self, name: str, told: NodeResult) -> None:
        """Let everything of a node end; runs at work end when they say so."""
        node = self._state.node(name)
        if node.phase is Phase.PENDING:
            if self._state.stopped is not None:
                reason = f"not begun: {told.reason}"
                told = NodeResult(status=RunStatus.SKIPPED, reason=reason[:MESSAGE_LIMIT])
            self._put(name, node.ended(told))
            return
        places = list(node.places)
        for index, place in enumerate(places):
            if place.phase is Phase.RUNNING and place.cancelled_as is None:
                self._cancels.append(Cancel(name, index))
                places[index] = place.model_copy(update={"cancelled_as": told})
            elif place.phase is Phase.PENDING:
                ended = _ended(place, told)
                places[index] = ended.model_copy(update={"cancelled_as": told})
        self._put(name, node.model_copy(update={"places": tuple(places)}))

    def _begin(self, name: str) -> None:
        """Skip the node, leave it waiting, or give it its places."""
        node, plan = self._state.node(name), self._plan
        stands = standing(plan, self._state, name)
        if stands.never:
            self._put(name, node.ended(_skipped(stands.never)))
            return
        if not stands.ready:
            return
        try:
            if not condition_holds(plan, self._state, self._given, name):
                reason = f"when: {plan.nodes[name].when} is false"
                self._put(name, node.ended(_skipped(reason)))
                return
            if not self._is_past(plan.not_before.get(name), missing=True):
                return
            items = items_of(plan, self._state, self._given, name)
        except MissingOutputs as missing:
            self._loads.update(dict.fromkeys(missing.digests))
            return
        except InputError as error:
            self._put(name, node.ended(_invalid(error)))
            return
        places = (Place(),) if items is None else tuple(Place(item=item) for item in items)
        begun = {"phase": Phase.RUNNING, "places": places, "many": items is not None}
        self._put(name, node.model_copy(update=begun))

    def _work(self, name: str, *, may_repeat: bool) -> None:
        """Start what may start in a node's places; end it, or begin anew, once all ended."""
        node = self._state.node(name)
        if Phase.PENDING in [place.phase for place in node.places]:
            places = list(node.places)
            self._start_some(name, node, places)
            node = node.model_copy(update={"places": tuple(places)})
            self._put(name, node)
        phases = [place.phase for place in node.places]
        if Phase.RUNNING in phases or Phase.PENDING in phases:
            return
        again = with_rerun(self._plan, self._state, name, self._now) if may_repeat else None
        if again is None:
            self._put(name, node.ended(node_result(node)))
            return
        self._put(name, again)
        self._work(name, may_repeat=True)

    def _start_some(self, name: str, node: NodeState, places: list[Place]) -> None:
        """Start runs in pending places, in order, as far as the limits allow."""
        working = sum(place.phase is Phase.RUNNING for place in places)
        for index, place in enumerate(places):
            if place.phase is not Phase.PENDING:
                continue
            if working >= self._plan.nodes[name].parallel:
                return
            if not self._is_past(place.due, missing=True):
                continue
            if self._free <= 0:
                return  # until one of them ends
            if self._room <= 0:
                self._more = True
                return
            try:
                item = place if node.many else None
                input = input_of(self._plan, self._state, self._given, name, item)
            except MissingOutputs as missing:
                self._loads.update(dict.fromkeys(missing.digests))
                return
            except InputError as error:
                places[index] = _ended(place, _invalid(error))
                continue
            number = index if node.many else None
            attempt = place.runs + 1
            self._starts.append(Start(name, index, number, place.item, attempt, input))
            started = {"phase": Phase.RUNNING, "runs": attempt, "due": None}
            places[index] = place.model_copy(update=started)
            working += 1
            self._room -= 1
            self._free -= 1

    def _is_past(self, at: datetime | None, *, missing: bool = False) -> bool:
        """True if `at` has come; else the next look is then at the latest."""
        if at is None:
            return missing
        if self._now >= at:
            return True
        self._wake = at if self._wake is None else min(self._wake, at)
        return False

    def _put(self, name: str, node: NodeState) -> None:
        self._state.nodes[name] = node
        if node.phase is Phase.ENDED:
            self._ended.add(name)


def _ended(place: Place, result: NodeResult) -> Place:
    """End a place whose next run will not be."""
    before = place.result
    if before is not None:
        result = result.model_copy(update={"run_id": before.run_id, "attempts": before.attempts})
    ended = {"phase": Phase.ENDED, "due": None, "result": result, "final": True}
    return place.model_copy(update=ended)


def _skipped(reason: str) -> NodeResult:
    return NodeResult(status=RunStatus.SKIPPED, reason=reason[:MESSAGE_LIMIT])


def _invalid(error: InputError) -> NodeResult:
    return NodeResult(
        status=RunStatus.FAILED,
        reason=str(error)[:MESSAGE_LIMIT],
        category=FailureCategory.INVALID_REQUEST,
    )
