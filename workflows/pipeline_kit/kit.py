"""A run of a pipeline from admission to settlement, bound to its workflow execution."""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.interface import PipelineDesk
    from rota.failures import MESSAGE_LIMIT, FailureCategory
    from rota.ids import format_slot
    from rota.keepers.admission import Admission, Decision
    from rota.pipelines.checkpoint import PipelineArgument, PipelineCheckpoint
    from rota.pipelines.ends import pipeline_end
    from rota.pipelines.inputs import Given
    from rota.pipelines.plan import Clock, PlanError, plan_of
    from rota.pipelines.report import node_reports, table
    from rota.pipelines.run import NodeResult, PipelineResult
    from rota.pipelines.state import initial_state
    from rota.pipelines.steps import LoadPipelineInput
    from rota.runs import RunStatus
    from rota.turns.checkpoint import RunArgument
    from rota.turns.loop import Finish, LoopState
    from rota.turns.outcome import result_of
    from rota.usage import Usage
    from workflows.activity_options import desk_options
    from workflows.pipeline_kit import visibility
    from workflows.pipeline_kit.graph import Graph
    from workflows.pipeline_kit.money import NodeMoney
    from workflows.run_kit import desk
    from workflows.run_kit.entry import Entry
    from workflows.run_kit.origin import read_origin
    from workflows.run_kit.standing import Standing


class PipelineKit:
    """One run in progress. Create it first thing in the workflow's `run`."""

    def __init__(self, input: PipelineArgument) -> None:
        self.input = input
        self._checkpoint = input.checkpoint
        self._origin = read_origin(
            RunArgument(
                agent=input.pipeline,
                slot=input.slot,
                trigger=input.trigger,
                lineage=input.lineage,
                by=input.by,
            )
        )
        self._standing = Standing(self._origin)
        admitted = self._checkpoint.admitted if self._checkpoint else None
        self._entry = Entry("Pipeline", self._origin, self._standing, admitted)
        self.telling = self._standing.telling
        self.telling.knows(lambda: self._entry.admitted.admission if self._entry.admitted else None)
        self.telling.resume(self._checkpoint.untold if self._checkpoint else ())
        self._started_at = self._checkpoint.started_at if self._checkpoint else None
        self._deadline = self._checkpoint.deadline if self._checkpoint else None
        purse = self._checkpoint.purse if self._checkpoint else None
        self._money = NodeMoney(self._origin, self._standing, purse)
        self._graph: Graph | None = None
        workflow.set_query_handler("status", self._describe)

    async def admit(self) -> Finish | None:
        """Ask the keeper, and wait if it says so.

        Returns:
            None if the run may work, else how it closes.
        """
        if self._checkpoint is None:
            visibility.show_origin(self._origin)
        return await self._entry.enter(self.input.input)

    async def lay_out(self) -> Finish | None:
        """Read the declaration and make the graph ready.

        Returns:
            None if it can be worked through, else how the run closes.
        """
        admission = self._admission
        loaded = await workflow.execute_local_activity_method(
            PipelineDesk.load_pipeline,
            LoadPipelineInput(digest=admission.spec.digest),
            summary=f"read the declaration of {admission.spec.name}",
            **desk_options(),
        )
        self._started_at = self._started_at or workflow.now()
        if self._deadline is None:
            limit = timedelta(seconds=admission.spec.wall_clock_seconds)
            deadline = self._started_at + limit
            self._deadline = min(deadline, self._origin.bound or deadline)
        clock = Clock(
            started_at=self._started_at,
            slot=admission.slot,
            timezone=admission.spec.timezone,
            trigger=self._origin.trigger,
            deadline=self._deadline,
        )
        try:
            plan = plan_of(loaded.spec, clock)
        except PlanError as error:
            return _invalid(str(error))
        if self._checkpoint is not None:
            state = self._checkpoint.state
        else:
            state = initial_state(self.input.kept, tuple(plan.nodes))
        slot = format_slot(admission.slot) if admission.slot else None
        given = Given(input=admission.input, slot=slot)
        origin = self._origin.model_copy(update={"began": admission.began})
        self._money.declared(admission.spec)
        self._graph = Graph(origin, self._standing, plan, state, given, self._money)
        return None

    async def work(self) -> Finish | None:
        """Work through the graph.

        Returns:
            How the run ends; None if it is to continue as new with `continuation`.
        """
        graph = self._laid_out
        if not await graph.work():
            return None
        end = pipeline_end(graph.plan, graph.state)
        return Finish(status=end.status, reason=end.reason, category=end.category)

    @property
    def cancelled(self) -> BaseException | None:
        """The request to cancel, if one came while nodes were at work."""
        return self._graph.cancelled if self._graph else None

    @property
    def continuation(self) -> PipelineArgument:
        """What to continue as new with: nothing must be at work."""
        admitted = self._entry.admitted
        assert admitted is not None, "not admitted"
        assert self._started_at is not None, "not laid out"
        assert self._deadline is not None, "not laid out"
        checkpoint = PipelineCheckpoint(
            admitted=admitted,
            state=self._laid_out.state,
            started_at=self._started_at,
            deadline=self._laid_out.plan.deadline or self._deadline,
            purse=self._money.purse,
            untold=self.telling.owed,
        )
        # What was kept from an earlier run is in the state.
        return self.input.model_copy(update={"checkpoint": checkpoint, "kept": {}})

    async def settle(self, finish: Finish) -> PipelineResult:
        """Report the end to the keeper and publish the events. Safe to repeat."""
        graph = self._graph
        if graph is not None and finish.status is RunStatus.SUCCEEDED:
            finish = finish.model_copy(update=await self._outcome_of(graph))
        result = await self._report(finish)
        visibility.show_result(result, table(graph.plan, graph.state) if graph else "")
        await desk.announce(self._origin, result.events)
        untold = await self._standing.telling.ended(result.status, result.reason)
        result = result.model_copy(update={"untold": untold})
        if untold:
            visibility.note_result(result)
        return result

    async def _outcome_of(self, graph: Graph) -> dict[str, object]:
        """What the run adds to its end: its output, or why it has none."""
        try:
            return {"answer": await graph.outcome()}
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            why = f"({error.cause or error}): the worker's log says why"
            reason = f"it has no output, as what its nodes came to could not be stored {why}"
            return {"reason": reason[:MESSAGE_LIMIT]}

    async def _report(self, finish: Finish) -> PipelineResult:
        admitted = self._entry.admitted
        turned_away = admitted is not None and admitted.admission.decision is Decision.SKIP
        if not (turned_away and finish.status is RunStatus.SKIPPED):
            # Also without an answer to the admission: it may have been given and not heard.
            admission = admitted.admission if admitted else None
            told = result_of(self._origin, admission, self._loop, finish, workflow.now())
            settled = await desk.report(self._origin, told, ())
            self._standing.telling.repeated = settled.repeated
            if settled.status not in (None, finish.status):
                # The ledger has another end, and has it for good: tell the same one.
                finish = Finish(
                    status=settled.status, reason=settled.reason, category=settled.category
                )
        self._standing.status = finish.status
        return self._result(finish)

    def _result(self, finish: Finish) -> PipelineResult:
        admitted, graph = self._entry.admitted, self._graph
        admission = admitted.admission if admitted else None
        told = result_of(self._origin, admission, self._loop, finish, workflow.now())
        return PipelineResult(
            pipeline=self.input.pipeline,
            run_id=told.run_id,
            status=told.status,
            trigger=told.trigger,
            slot=told.slot,
            reason=told.reason,
            category=told.category,
            nodes=node_reports(graph.plan, graph.state) if graph else self._done_before(),
            input=admission.input if admission else self.input.input,
            usage=graph.state.used if graph else Usage(),
            lineage=told.lineage,
            events=told.events,
        )

    @property
    def _loop(self) -> LoopState:
        """It has no conversation of its own, but what its nodes have read is in its output."""
        return LoopState(tainted=self._graph is not None and self._graph.state.tainted)

    def _done_before(self) -> dict[str, NodeResult]:
        """What a run that never came to its graph must not lose: a re-run begins with it."""
        if self._checkpoint is not None:
            nodes = self._checkpoint.state.nodes.items()
            return {name: node.result for name, node in nodes if node.result is not None}
        kept = self.input.kept.items()
        return {name: end.model_copy(update={"kept": True}) for name, end in kept}

    @property
    def _admission(self) -> Admission:
        if self._entry.admitted is None:
            raise RuntimeError("admit the run first")
        return self._entry.admitted.admission

    @property
    def _laid_out(self) -> Graph:
        if self._graph is None:
            raise RuntimeError("lay the graph out first")
        return self._graph

    def _describe(self) -> PipelineResult:
        """The result so far; what has not ended is `waiting` or `running`."""
        waits = "; ".join(self._standing.waiting_for)
        return self._result(Finish(status=self._standing.status, reason=waits))


def _invalid(reason: str) -> Finish:
    category = FailureCategory.INVALID_REQUEST
    return Finish(status=RunStatus.FAILED, reason=reason, category=category)
