"""Whom a run tells that a call waits for a decision, and whom once nobody has decided."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.approving import Ledger, decide, open_approvals, posting
from tests.fakes.hook_receiver import HookReceiver
from tests.stack import Stack, script
from tests.workflows.notified import QUICK, Line, hook


@pytest.fixture
def team() -> Iterator[HookReceiver]:
    """Who is told first."""
    with HookReceiver() as receiver:
        yield receiver


@pytest.fixture
def boss() -> Iterator[HookReceiver]:
    """Who is told when the team has said nothing."""
    with HookReceiver() as receiver:
        yield receiver


def facts(receiver: HookReceiver) -> list[dict[str, Any]]:
    """All that was told."""
    return [fact for got in receiver.taken for fact in got.body["data"]["facts"]]


async def test_call_that_waits_is_told_and_escalates_to_a_second_address(
    stack: Stack, team: HookReceiver, boss: HookReceiver
) -> None:
    """Each once, with the command that decides."""
    stack.notifier_policy = QUICK
    name = stack.name("poster")
    first, second = hook(stack, team), hook(stack, boss)
    rule: dict[str, Any] = {"timeout": "1h", "escalate": {"after": "500ms", "notify": [second]}}
    ledger = Ledger()
    async with stack.worker(ledger.tools):
        await stack.declare(
            name,
            runtime=script({"calls": [posting()]}, {"result": "done"}),
            tools=["ledger.post"],
            approvals={"ledger.post": rule},
            notify=[first],
        )
        handle = await stack.start(name, f"{name}-1")
        await Line(stack, first).told(1)
        await Line(stack, second).told(1)
        [pending] = await open_approvals(handle)
        await decide(handle, pending)
        await handle.result()
    [asked], [escalated] = facts(team), facts(boss)
    assert pending["escalated"] is True
    for fact in (asked, escalated):
        assert fact["occasion"] == "awaiting_approval"
        assert fact["todo"] == f"rota approve {name}-1 a1"
    assert asked["reason"].startswith("ledger.post (approvals.ledger.post), until ")
    assert escalated["reason"].startswith("ledger.post (nobody has decided yet), until ")


async def test_call_that_nobody_has_decided_on_is_told_once_more_when_it_parks(
    stack: Stack, team: HookReceiver
) -> None:
    """Until when it waits now, and the command that still decides."""
    stack.notifier_policy = QUICK
    name, line = stack.name("poster"), hook(stack, team)
    ledger = Ledger()
    async with stack.worker(ledger.tools):
        await stack.declare(
            name,
            runtime=script({"calls": [posting()]}, {"result": "done"}),
            tools=["ledger.post"],
            approvals={"ledger.post": {"timeout": "100ms", "otherwise": "park"}},
            notify=[line],
        )
        handle = await stack.start(name, f"{name}-1")
        await Line(stack, line).told(2)
        [pending] = await open_approvals(handle)
        await decide(handle, pending)
        await handle.result()
    [parked] = [fact for fact in facts(team) if fact["occasion"] == "parked"]
    assert parked["todo"] == f"rota approve {name}-1 a1"
    assert parked["reason"].startswith("ledger.post: nobody has decided; parked until ")
    assert len(ledger.posted) == 1
