"""`Backtest`: past runs of one agent run again, within one budget.

On a worker and not in the command that asks for it: only workers have the providers'
credentials, their queues and rates; what was paid for is kept when either dies; and the budget
is counted in one place. Nothing that the agent's keeper, its schedule or its accounts know of.
"""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ChildWorkflowError
from temporalio.workflow import ChildWorkflowCancellationType, ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from rota.budgets.reservations import Cap
    from rota.budgets.spending import at_most, left, part, spent
    from rota.run_ref import RunRef
    from rota.usage import sum_of
    from rota.what_if.backtest import (
        CASES_MEMO,
        BacktestInput,
        BacktestProgress,
        CaseEnd,
        CaseInput,
        CaseResult,
        case_key,
    )
    from workflows.backtest_case import BacktestCaseWorkflow


Child = workflow.ChildWorkflowHandle[BacktestCaseWorkflow, CaseResult]
CANCELLED = "cancelled by request"


@workflow.defn(name="Backtest")
class BacktestWorkflow:
    """One backtest.

    Messages: query `progress`.
    Cancellation: its cases are cancelled, and what they have come to is in its result.
    Continue-As-New: never: at most `MOST_CASES` cases of some 20 events each.
    Replay: no patches in force.
    """

    @workflow.init
    def __init__(self, input: BacktestInput) -> None:
        self._input = input
        self._ended: dict[int, CaseResult] = {}
        self._working: dict[int, Cap] = {}
        """What each case at work may spend."""
        self._children: dict[int, Child] = {}
        self._stopped = ""

    @workflow.run
    async def run(self, input: BacktestInput) -> BacktestProgress:
        """Play all cases; those that the budget was too small for once more, with what is left."""
        await self._play(list(range(len(input.cases))), input.parallel)
        again = [i for i, r in self._ended.items() if r.end is CaseEnd.OVER_BUDGET]
        for index in sorted(again):
            await self._play([index], 1)
        return self.progress()

    @workflow.query
    def progress(self) -> BacktestProgress:
        """How far it has come."""
        cases = self._input.cases
        return BacktestProgress(
            agent=self._input.agent,
            what=self._input.what,
            total=len(cases),
            cases=tuple(self._ended[index] for index in sorted(self._ended)),
            working=tuple(cases[index].run_id for index in sorted(self._working)),
            stopped=self._stopped,
        )

    async def _play(self, waiting: list[int], parallel: int) -> None:
        tasks: list[asyncio.Task[None]] = []
        waiting = list(waiting)
        while tasks or (waiting and not self._stopped):
            while waiting and len(tasks) < parallel:
                index = waiting.pop(0)
                allowance = self._share(index, min(parallel, len(waiting) + 1 + len(tasks)))
                self._working[index] = allowance
                tasks.append(asyncio.create_task(self._case(index, allowance)))
            self._show()
            done, pending = await self._next_end(tasks)
            for task in done:
                task.result()
            tasks = pending

    async def _next_end(
        self, tasks: list[asyncio.Task[None]]
    ) -> tuple[list[asyncio.Task[None]], list[asyncio.Task[None]]]:
        try:
            return await workflow.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._stopped = CANCELLED
            # Each says what it has come to, and what that has cost, before it ends. A task that is
            # cancelled itself would not hear of a case that has ended in this moment.
            for child in self._children.values():
                child.cancel(CANCELLED)
            return await workflow.wait(tasks)

    def _share(self, index: int, parts: int) -> Cap:
        """What a case may spend: its part of what nobody has spent or may still spend.

        What it has spent before is its own: its answers are found again, not paid again.
        """
        others = [result.usage for i, result in self._ended.items() if i != index]
        used = spent(sum_of(others))
        free = left(self._input.cap, used)
        for allowance in self._working.values():
            free = Cap(
                micros=_less(free.micros, allowance.micros),
                tokens=_less(free.tokens, allowance.tokens),
            )
        return part(free, max(1, parts - len(self._working)))

    async def _case(self, index: int, allowance: Cap) -> None:
        case, info = self._input.cases[index], workflow.info()
        again = "" if index not in self._ended else "#2"
        input = CaseInput(
            agent=self._input.agent,
            case=case,
            run=RunRef(
                id=f"{info.workflow_id}/{case.run_id}",
                key=case_key(case.key, f"{info.run_id}-{index}"),
            ),
            unrecorded=self._input.unrecorded,
            allowance=allowance,
        )
        self._children[index] = child = await workflow.start_child_workflow(
            BacktestCaseWorkflow.run,
            input,
            id=f"{info.workflow_id}/{case.run_id}{again}",
            parent_close_policy=ParentClosePolicy.REQUEST_CANCEL,
            cancellation_type=ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
            static_summary=f"{self._input.agent} · {case.run_id} again, effects held back",
            memo={CASES_MEMO: [case.key]},
        )
        if self._stopped:
            child.cancel(CANCELLED)
        try:
            result = await child
        except ChildWorkflowError as error:
            reason, end = str(error.cause or error), CaseEnd.BLOCKED
            # It says no more what it has paid: nothing of what it was lent is lent again.
            result = CaseResult(
                run_id=case.run_id, end=end, reason=reason, usage=at_most(allowance)
            )
        del self._working[index], self._children[index]
        self._ended[index] = result

    def _show(self) -> None:
        done, total = len(self._ended), len(self._input.cases)
        lines = [f"**{done} of {total} cases** · {self._input.what}"]
        lines += [f"at work: {self._input.cases[index].run_id}" for index in sorted(self._working)]
        workflow.set_current_details("\n\n".join(lines))


def _less(whole: int | None, by: int | None) -> int | None:
    return None if whole is None or by is None else whole - by
