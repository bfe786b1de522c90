"""`Backtest`: past runs run again, with their calls answered from the record."""

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowHandle

from rota.what_if.backtest import CallSource, CaseEnd, Unrecorded
from rota.what_if.compare import Verdict
from tests.stack import Stack, script
from tests.workflows.gates import poll
from tests.workflows.what_if_bench import (
    ANSWERS,
    ANY,
    POSTS,
    READS,
    Office,
    backtest,
    clerk,
    tried,
)
from workflows.what_if_options import QUEUE_PATIENCE

Case = WorkflowHandle[Any, Any]
PAYS = {"calls": [{"tool": "office.pay", "args": {"to": "x"}}]}


async def ran(stack: Stack, count: int, **more: Any) -> tuple[str, list[str]]:
    """Declare a clerk and let it run; its name, and its runs."""
    name = stack.name("clerk")
    await stack.declare(name, **clerk(), **more)
    run_ids = [f"{name}-{number}" for number in range(count)]
    for number, run_id in enumerate(run_ids):
        result = await stack.run(name, run_id, input={"account": f"a{number}"})
        assert result.output["balance"] == 100 * (number + 1)
    return name, run_ids


async def test_backtest_of_the_same_reproduces_results_without_effects(stack: Stack) -> None:
    """Same results though the world has moved on; 0 effects, 0 unrecorded calls, nothing kept."""
    office = Office()
    async with stack.worker(office.tools):
        name, run_ids = await ran(stack, 3)
        keeper = await stack.keeper(name)
        done = list(office.reads), list(office.posts)
        played = await backtest(stack, run_ids)
        assert (office.reads, office.posts) == done
        assert await stack.keeper(name) == keeper
    assert [case.verdict for case in played.comparisons] == [Verdict.SAME] * 3
    sources = [case.sources for case in played.progress.cases]
    assert sources == [{CallSource.RECORDED: 2, CallSource.NOTED: 1}] * 3
    for case in played.comparisons:
        assert (case.unrecorded, case.before.output) == ((), case.after.output)
        assert case.before.usage == case.after.usage
    assert played.progress.usage.cost_micros == 3 * 3 * 2000


@pytest.mark.parametrize(
    ("turns", "verdict", "end"),
    [
        ([READS, POSTS, {"result": {"balance": 7}}], Verdict.CHANGED, CaseEnd.ANSWERED),
        # The same answer, and an effect less.
        ([READS, ANSWERS], Verdict.CHANGED, CaseEnd.ANSWERED),
        (
            [{"calls": [{"tool": "office.pay", "args": {"to": "x"}}]}],
            Verdict.FAILED,
            CaseEnd.FAILED,
        ),
        # A script that ends: no provider could say more.
        ([READS], Verdict.UNDECIDED, CaseEnd.BLOCKED),
    ],
)
async def test_backtest_of_another_script_tells_what_differs(
    stack: Stack, turns: list[dict[str, Any]], verdict: Verdict, end: CaseEnd
) -> None:
    """Result, effects and failures each count; nothing is done to find out."""
    office = Office()
    async with stack.worker(office.tools):
        _, run_ids = await ran(stack, 1)
        done = list(office.posts)
        played = await backtest(stack, run_ids, tried(*turns))
        assert office.posts == done
    (case,) = played.comparisons
    assert (case.verdict, played.progress.cases[0].end) == (verdict, end), case.after.reason


@pytest.mark.parametrize(
    ("policy", "end", "reads"),
    [
        (Unrecorded.FAIL, CaseEnd.FAILED, 1),
        (Unrecorded.STOP, CaseEnd.DIVERGED, 1),
        (Unrecorded.ASK, CaseEnd.ANSWERED, 2),
    ],
)
async def test_call_that_was_never_recorded_follows_the_policy(
    stack: Stack, policy: Unrecorded, end: CaseEnd, reads: int
) -> None:
    """`ask` makes the read, and only then; each says which call it was."""
    office = Office()
    other = {"calls": [{"tool": "office.read", "args": {"account": "other"}}]}
    async with stack.worker(office.tools):
        _, run_ids = await ran(stack, 1)
        played = await backtest(stack, run_ids, tried(READS, other, ANSWERS), unrecorded=policy)
    (case,) = played.progress.cases
    assert (case.end, len(office.reads)) == (end, reads), case.reason
    assert case.unrecorded == ('office.read {"account": "other"}',)


async def test_result_that_fails_a_declared_check_fails_its_case(stack: Stack) -> None:
    """As it would fail a run; one that only warns makes the case another one."""
    office = Office()
    below = {"condition": "output.balance < 1000"}
    checks = {"low": below, "odd": {"condition": "output.balance != 7", "on_failure": "warn"}}
    async with stack.worker(office.tools):
        name = stack.name("clerk")
        await stack.declare(name, **clerk(READS, ANSWERS, checks=checks))
        await stack.run(name, f"{name}-0", input={"account": "a"})
        same = await backtest(stack, [f"{name}-0"])
        high = await backtest(stack, [f"{name}-0"], tried(READS, {"result": {"balance": 1000}}))
        odd = await backtest(stack, [f"{name}-0"], tried(READS, {"result": {"balance": 7}}))
    (one, two, three) = (each.comparisons[0] for each in (same, high, odd))
    assert (one.verdict, set(one.after.checks.values())) == (Verdict.SAME, {"passed"})
    assert (two.verdict, two.checks) == (Verdict.FAILED, ("low",))
    assert "check low" in two.after.reason
    assert (three.verdict, three.checks) == (Verdict.CHANGED, ("odd",))


async def test_grader_is_not_asked_in_a_backtest(stack: Stack) -> None:
    """Its runs are real ones, in its own ledger and on its own budget."""
    office, judge = Office(), stack.name("judge")
    async with stack.worker(office.tools):
        name = stack.name("clerk")
        verdict = script({"result": {"verdict": "pass", "reason": ""}})
        await stack.declare(judge, runtime=verdict, output=ANY)
        await stack.declare(name, **clerk(READS, ANSWERS, checks={"careful": {"agent": judge}}))
        await stack.run(name, f"{name}-0", input={"account": "a"})
        played = await backtest(stack, [f"{name}-0"])
        ledger = (await stack.keeper(judge)).ledger
    (case,) = played.comparisons
    assert (case.verdict, case.after.checks, len(ledger)) == (
        Verdict.SAME,
        {"output.schema": "passed"},
        1,
    )


@pytest.mark.parametrize("policy", list(Unrecorded))
async def test_effect_that_was_never_recorded_is_never_made(
    stack: Stack, policy: Unrecorded
) -> None:
    """Whatever the policy: not a new one, not one more often than the past run did."""
    office = Office()
    twice = (READS, POSTS, POSTS, ANSWERS)
    async with stack.worker(office.tools):
        _, run_ids = await ran(stack, 1)
        done = list(office.posts)
        played = await backtest(stack, run_ids, tried(*twice), unrecorded=policy)
        assert office.posts == done == ["is 100"]
    (case,) = played.progress.cases
    failed = CaseEnd.FAILED if policy is Unrecorded.FAIL else CaseEnd.DIVERGED
    assert (case.end, case.unrecorded) == (failed, ('office.post {"text": "is 100"}',))


async def test_budget_of_a_backtest_is_kept_and_told(stack: Stack) -> None:
    """A call may come to $0.083: half of $0.09 is too little for either case.

    Begun again one by one, the first has enough, and the second is stopped after a turn.
    """
    office = Office()
    async with stack.worker(office.tools):
        _, run_ids = await ran(stack, 2)
        played = await backtest(stack, run_ids, micros=90_000, parallel=2)
    cases = played.progress.cases
    assert [case.end for case in cases] == [CaseEnd.ANSWERED, CaseEnd.OVER_BUDGET]
    assert [case.usage.cost_micros for case in cases] == [6000, 2000]
    assert "the backtest" in cases[1].reason
    assert [case.verdict for case in played.comparisons] == [Verdict.SAME, Verdict.UNDECIDED]


async def test_wall_clock_of_a_run_does_not_bind_its_case(stack: Stack) -> None:
    """Its steps stand behind those of all runs, and how long is no fault of what is tried."""
    office = Office()
    async with stack.worker(office.tools):
        _, run_ids = await ran(stack, 1)
        played = await backtest(stack, run_ids)
        case = stack.client.get_workflow_handle(f"{played.id}/{run_ids[0]}")
        events = (await case.fetch_history()).events
    asked = (each.activity_task_scheduled_event_attributes for each in events)
    limits = [each.schedule_to_close_timeout.ToTimedelta() for each in asked if each.activity_id]
    assert min(limits) > QUEUE_PATIENCE


async def test_money_of_cases_that_end_unheard_stays_spent(stack: Stack) -> None:
    """One is terminated and may have used all it was lent; one is cancelled amid a turn."""
    office = Office()
    async with stack.worker(office.tools):
        _, run_ids = await ran(stack, 2)
        slow = tried(READS, {**ANSWERS, "seconds": 60})
        playing = asyncio.create_task(backtest(stack, run_ids, slow, micros=1_000_000))
        gone, stopped = await poll(lambda: thinking_cases(stack, run_ids))
        await gone.terminate("by hand")
        await stack.client.get_workflow_handle(parent_of(gone)).cancel()
        await stopped.result()
        played = await playing
    one, two = played.progress.cases
    assert (one.end, one.usage.unknown_micros) == (CaseEnd.BLOCKED, 500_000)
    assert (two.end, two.usage.cost_micros) == (CaseEnd.CANCELLED, 2000)
    assert (two.usage.unknown_attempts, two.usage.unknown_micros > 2000) == (1, True)


async def thinking_cases(stack: Stack, run_ids: list[str]) -> list[Case] | None:
    """The cases of those runs, once each is at its second turn."""
    listed = stack.client.list_workflows(
        f"WorkflowType = 'BacktestCase' AND ExecutionStatus = 'Running' AND "
        f"TaskQueue = '{stack.task_queue}'"
    )
    found = {each.id: stack.client.get_workflow_handle(each.id) async for each in listed}
    cases = [found[id] for run_id in run_ids for id in found if id.endswith(f"/{run_id}")]
    for case in cases:
        pending = (await case.describe()).raw_description.pending_activities
        done = (await case.fetch_history()).events
        turns = sum(each.HasField("activity_task_completed_event_attributes") for each in done)
        if turns < 3 or not pending or pending[0].activity_type.name != "invoke_model":
            return None
    return cases if len(cases) == len(run_ids) else None


def parent_of(case: Case) -> str:
    """The backtest of a case."""
    return case.id.partition("/")[0]
