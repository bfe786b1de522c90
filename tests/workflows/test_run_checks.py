"""Checks of results in runs: a result that is not as declared is no success."""

import sys
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from activities.stores.base import ObjectStore, StoreError
from rota.runs import AgentRunResult
from tests.stack import Stack, script

RULES = {
    "balanced": {"condition": "output.debit == output.credit"},
    "shape": {"schema": {"required": ["debit"]}},
    "rows": {"baseline": {"path": "rows", "within": "50%"}, "on_failure": "warn"},
    "program": {
        "command": [
            sys.executable,
            "-c",
            "import json, sys; sys.exit(json.load(sys.stdin)['run']['turns'] != 1)",
        ]
    },
}


async def declared(stack: Stack, name: str, *results: dict[str, Any]) -> None:
    """An agent that answers so."""
    await stack.declare(
        name,
        runtime=script(*({"result": result} for result in results)),
        output={"schema": {"type": "object"}},
        session={"baseline": "auto"},
        checks=RULES,
    )


async def test_result_as_declared_is_verified_by_every_check(stack: Stack) -> None:
    """Each is recorded, in order; what has nothing to compare with yet says so."""
    name = stack.name("books")
    async with stack.worker():
        await declared(stack, name, {"debit": 5, "credit": 5, "rows": 10})
        first = await stack.run(name, f"{name}-1")
        await declared(stack, name, {"debit": 5, "credit": 5, "rows": 30})
        second = await stack.run(name, f"{name}-2")
    told = [(each.name, each.state.value) for each in first.checks]
    assert told == [
        ("output.schema", "passed"),
        ("balanced", "passed"),
        ("program", "passed"),
        ("rows", "skipped"),
        ("shape", "passed"),
    ]
    rows = second.checks[3]
    assert (second.status.value, rows.state.value) == ("succeeded", "failed")
    assert rows.detail == "rows is 30, which is not within 50% of 10"


async def test_checks_that_cannot_be_made_leave_a_result_unverified(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that is out of reach is no bad result; what that means each check says itself."""

    async def gone(_store: ObjectStore, _digest: str) -> Any:
        raise StoreError("out of reach")

    monkeypatch.setattr("activities.result_checks.get_json", gone)
    name, rule = stack.name("books"), {"condition": "output"}
    retry, result = {"attempts": 2, "backoff": "1ms"}, script({"result": "done"})
    async with stack.worker():
        checks = {"there": {**rule, "on_failure": "warn"}}
        await stack.declare(name, runtime=result, retry=retry, checks=checks)
        unverified = await stack.run(name, f"{name}-1")
        await stack.declare(name, runtime=result, retry=retry, checks={"there": rule})
        failed = await stack.start(name, f"{name}-2")
        with pytest.raises(WorkflowFailureError):
            await failed.result()
    (check,) = unverified.checks
    assert (unverified.status.value, check.state.value) == ("succeeded", "unknown")
    assert check.detail == "the checks could not be made: the store failed: out of reach"


async def test_result_that_fails_a_check_fails_the_run_and_changes_nothing(stack: Stack) -> None:
    """Nobody is handed it, and it is no baseline."""
    name = stack.name("books")
    async with stack.worker():
        await declared(stack, name, {"debit": 5, "credit": 4, "rows": 10})
        with pytest.raises(WorkflowFailureError) as failed:
            await stack.run(name, f"{name}-1")
        state = await stack.keeper(name)
    result = AgentRunResult.model_validate(failed.value.cause.details[0])  # pyright: ignore[reportAttributeAccessIssue]
    assert (result.status.value, result.category) == ("failed", "outcome_invalid")
    assert result.reason == (
        "check balanced: 'output.debit == output.credit' does not hold: "
        "output.credit is 4, output.debit is 5"
    )
    assert result.output is None
    assert state.session("default").baseline.newest is None
