"""Checks that another agent makes: a run of its own, which judges and changes nothing."""

from typing import Any

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError

from rota.ids import grading_run_id, keeper_id
from rota.keepers.freeze import FreezeRequest
from rota.runs import AgentRunResult
from tests.rota.checks.test_grading import JUDGES
from tests.stack import Stack, script
from tests.workflows.gates import poll

PRICE = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 10.0}
USED = {"usage": {"input_tokens": 1000, "output_tokens": 100}}


async def declared(
    stack: Stack, grader: dict[str, Any], check: dict[str, Any] | None = None, **more: Any
) -> tuple[str, str]:
    """A clerk that another agent grades; both names."""
    name, judge = stack.name("clerk"), stack.name("judge")
    await stack.declare(judge, **grader)
    await stack.declare(
        name,
        runtime={**script({"result": {"sum": 5}, **USED}), "price": PRICE},
        output={"schema": {"type": "object"}},
        checks={"careful": {"agent": judge, **(check or {})}, **more},
    )
    return name, judge


def judging(*turns: dict[str, Any]) -> dict[str, Any]:
    """A grader that says so."""
    runtime = {**script(*({**turn, **USED} for turn in turns)), "price": PRICE}
    return {"runtime": runtime, "output": {"schema": JUDGES}}


def result_in(failed: pytest.ExceptionInfo[WorkflowFailureError]) -> AgentRunResult:
    """The result of a run that did not succeed."""
    return AgentRunResult.model_validate(failed.value.cause.details[0])  # pyright: ignore[reportAttributeAccessIssue]


async def test_grader_is_given_result_and_input_and_its_cost_is_counted(stack: Stack) -> None:
    """Its run is found by its id, has its keeper's ledger, and is paid below the graded one."""
    said = "{input.output.sum} of {input.input.account}"
    async with stack.worker():
        grader = judging({"result": {"verdict": "pass", "reason": said}})
        name, judge = await declared(stack, grader)
        result = await stack.run(name, f"{name}-1", input={"account": "a7"})
        ledger = (await stack.keeper(judge)).ledger
    _, check = result.checks
    assert (check.state, check.detail) == ("passed", f"{judge}: 5 of a7")
    assert check.run == grading_run_id(f"{name}-1", "careful")
    assert (result.usage.cost_micros, result.below.cost_micros) == (2000, 2000)
    (entry,) = ledger.values()
    assert (entry.trigger, entry.run and entry.run.id) == ("handoff", check.run)


async def test_grader_that_says_fail_fails_the_run(stack: Stack) -> None:
    """With its reason, as any check that fails."""
    async with stack.worker():
        no = {"result": {"verdict": "fail", "reason": "account 4711 is missing"}}
        name, judge = await declared(stack, judging(no))
        with pytest.raises(WorkflowFailureError) as failed:
            await stack.run(name, f"{name}-1")
    result = result_in(failed)
    assert (result.status, result.category) == ("failed", "outcome_invalid")
    assert result.reason == f"check careful: {judge}: account 4711 is missing"
    assert result.below.cost_micros == 2000


@pytest.mark.parametrize(
    "grader",
    [
        judging({"result": {"verdict": "perhaps"}}, {"result": {"verdict": "perhaps"}}),
        {"runtime": script({"error": "invalid_request"})},
        {"runtime": script({"result": {"verdict": "perhaps"}})},
    ],
    ids=["answers against its schema", "fails", "says no verdict"],
)
async def test_grader_that_does_not_judge_leaves_the_result_unverified(
    stack: Stack, grader: dict[str, Any]
) -> None:
    """Nobody knows whether the result is good: not that it is bad."""
    async with stack.worker():
        name, _ = await declared(stack, grader, {"on_failure": "warn"})
        result = await stack.run(name, f"{name}-1")
    _, check = result.checks
    assert (result.status, check.state) == ("succeeded", "unknown"), check.detail


async def test_run_fails_unjudged_while_its_grader_is_frozen(stack: Stack) -> None:
    """A freeze is no way around a check; the run says who has frozen it."""
    async with stack.worker():
        name, judge = await declared(stack, judging({"result": {}}))
        keeper = stack.client.get_workflow_handle(keeper_id(judge))
        await keeper.execute_update("freeze", FreezeRequest(reason="leak", by="ann"))
        with pytest.raises(WorkflowFailureError) as failed:
            await stack.run(name, f"{name}-1")
    result = result_in(failed)
    assert (result.status, result.checks[1].state) == ("failed", "unknown")
    assert "frozen by ann: leak" in result.reason


async def test_grader_is_not_paid_for_what_fails_anyhow(stack: Stack) -> None:
    """Its check is skipped, and says why."""
    async with stack.worker():
        wrong = {"condition": "output.sum == 6"}
        name, judge = await declared(stack, judging({"result": {}}), sums=wrong)
        with pytest.raises(WorkflowFailureError) as failed:
            await stack.run(name, f"{name}-1")
        with pytest.raises(RPCError):
            await stack.client.get_workflow_handle(f"{name}-1/check-careful").describe()
    checks = result_in(failed).checks
    assert [(each.name, each.state) for each in checks[1:]] == [
        ("careful", "skipped"),
        ("sums", "failed"),
    ]
    assert checks[1].detail == f"{judge} was not asked: another check fails"


async def test_run_that_is_cancelled_takes_its_grader_with_it(stack: Stack) -> None:
    """What the grader has used until then is counted."""
    async with stack.worker():
        slow = judging({"result": {"verdict": "pass", "reason": ""}, "seconds": 60})
        name, _ = await declared(stack, slow)
        run = await stack.start(name, f"{name}-1")
        grading = stack.client.get_workflow_handle(f"{name}-1/check-careful")

        async def asked() -> bool | None:
            try:
                return bool((await grading.describe()).raw_description.pending_activities) or None
            except RPCError:
                return None

        await poll(asked)
        await run.cancel()
        with pytest.raises(WorkflowFailureError):
            await run.result()
        status = (await grading.describe()).status
        entry = next(iter((await stack.keeper(name)).ledger.values()))
    assert status is not None
    assert (status.name, entry.status) == ("CANCELED", "cancelled")
