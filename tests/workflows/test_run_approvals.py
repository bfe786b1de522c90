"""Calls that wait for a person's decision, on the real server."""

import asyncio
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from rota.failures import FailureCategory
from rota.runs import AgentRunResult, RunStatus
from tests.approving import Ledger, calling, decide, open_approvals, posting, refused, told
from tests.stack import Stack
from tests.workflows.claude import ending_of


async def started(
    stack: Stack, *calls: dict[str, Any], rule: Any = "always", **declaration: Any
) -> WorkflowHandle[Any, AgentRunResult]:
    """A run of `pat` whose only turn makes these calls."""
    name = stack.name("poster")
    given = {
        "runtime": calling(*calls, says="{results.ledger_post}"),
        "tools": ["ledger.post", "ledger.read"],
        "approvals": {"ledger.post": rule},
    }
    await stack.declare(name, **(given | declaration))
    return await stack.start(name, f"{name}-1", by="pat")


async def test_call_waits_for_its_approval_and_is_made_then(stack: Stack) -> None:
    """The run is awaiting_approval, shows the exact arguments, and records who decided."""
    ledger = Ledger()
    async with stack.worker(ledger.tools):
        handle = await started(stack, posting(amount=900), rule={"timeout": "4h"})
        [pending] = await open_approvals(handle)
        status = await handle.query("status")
        assert ledger.posted == []
        said = await decide(handle, pending, note="fine")
        result = await handle.result()
        [shown] = await told(stack, result)
    assert (status["status"], status["waiting_for"][0]) == (
        RunStatus.AWAITING_APPROVAL,
        "approval a1 of ledger.post",
    )
    assert pending["request"]["arguments"] == {"account": "DE12", "amount": 900}
    assert (pending["id"], pending["requester"]) == ("a1", "pat")
    assert said == "a1 approved by kim: fine"
    assert ledger.posted == [{"account": "DE12", "amount": 900}]
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, "posted 900")
    [ruling] = result.approvals
    assert (ruling.verdict, ruling.by, ruling.note) == ("approve", "kim", "fine")
    assert shown.approval == ruling


async def test_call_that_the_rule_does_not_name_or_mean_is_made_at_once(stack: Stack) -> None:
    """A condition is over the arguments that the tool will have, its defaults among them."""
    ledger = Ledger()
    rule = {"when": "args.amount > 1000"}
    async with stack.worker(ledger.tools):
        handle = await started(
            stack,
            posting(amount=1000),
            posting("by-default"),
            {"tool": "ledger.read", "args": {"account": "DE12"}},
            rule=rule,
        )
        [pending] = await open_approvals(handle)
        await decide(handle, pending, "deny")
        result = await handle.result()
    assert pending["request"]["arguments"] == {"account": "by-default"}
    assert ledger.posted == [{"account": "DE12", "amount": 1000}]
    assert result.tool_calls == 3


async def test_denied_call_is_an_error_that_the_model_reads(stack: Stack) -> None:
    """It goes on, and knows why."""
    ledger = Ledger()
    async with stack.worker(ledger.tools):
        handle = await started(stack, posting())
        [pending] = await open_approvals(handle)
        await decide(handle, pending, "deny", note="wrong account")
        result = await handle.result()
        [shown] = await told(stack, result)
    assert ledger.posted == []
    assert shown.is_error
    assert shown.content == "ledger.post: the call was denied by kim: wrong account"
    assert result.status is RunStatus.SUCCEEDED


async def test_edited_call_runs_with_exactly_what_was_approved(stack: Stack) -> None:
    """What does not fit the tool is refused at once; what ran is told to the model."""
    ledger = Ledger()
    async with stack.worker(ledger.tools):
        handle = await started(stack, posting(amount=9000))
        [pending] = await open_approvals(handle)
        unfit = await refused(handle, pending, "edit", arguments={"account": "X", "amount": "no"})
        unknown = await refused(handle, pending, "edit", arguments={"acount": "X"})
        none = await refused(handle, pending, "edit")
        edited = {"account": "DE99", "amount": 12}
        said = await decide(handle, pending, "edit", arguments=edited)
        again = await decide(handle, pending, "edit", arguments=edited)
        result = await handle.result()
        [shown] = await told(stack, result)
    assert "amount: Input should be a valid integer" in unfit
    assert "acount" in unknown
    assert "arguments" in none
    assert said == again == "a1 approved by kim with other arguments"
    assert ledger.posted == [edited]
    assert shown.content.startswith("(kim changed the arguments before it ran: ")
    assert shown.content.endswith("\nposted 12")
    assert result.approvals[0].arguments == edited


async def test_decisions_that_do_not_count_are_refused_with_the_reason(stack: Stack) -> None:
    """Forged, one's own under four eyes, unknown, a second word; each leaves the call waiting."""
    ledger = Ledger()
    other = {"tool": "ledger.post", "args": {"account": "B"}}
    async with stack.worker(ledger.tools):
        handle = await started(stack, posting("A"), other, rule={"four_eyes": True})
        first, second = await open_approvals(handle, 2)
        forged = await refused(handle, first, digest=second["request"]["digest"])
        own = await refused(handle, first, by="Pat")
        unknown = await refused(handle, {**first, "id": "a7"})
        nobody = await refused(handle, first, by="")
        await decide(handle, first)
        await decide(handle, first, by="lee")
        double = await refused(handle, first, "deny")
        assert len(await open_approvals(handle)) == 1
        await decide(handle, second, "deny", by="pat")
        result = await handle.result()
    assert "the digest is not that of this request" in forged
    assert own == "a1: Pat asked for this run; somebody else has to approve it"
    assert unknown == "no approval 'a7' is pending; pending are: a1, a2"
    assert "by" in nobody
    assert double == "decided already: a1 is approved by kim"
    assert [posted["account"] for posted in ledger.posted] == ["A"]
    assert [ruling.by for ruling in result.approvals] == ["kim", "pat"]


async def test_calls_of_one_turn_are_decided_in_any_order(stack: Stack) -> None:
    """Each is made as soon as it is allowed, while others wait; equal calls are told apart."""
    ledger = Ledger()
    async with stack.worker(ledger.tools):
        handle = await started(stack, posting("A"), posting("A"), posting("B"))
        first, second, third = await open_approvals(handle, 3)
        assert first["request"]["digest"] != second["request"]["digest"]
        await decide(handle, third)
        await asyncio.wait_for(ledger.touched.wait(), 10)
        status = await handle.query("status")
        await decide(handle, second, "deny")
        await decide(handle, first)
        result = await handle.result()
    assert status["status"] == RunStatus.AWAITING_APPROVAL
    assert [posted["account"] for posted in ledger.posted] == ["B", "A"]
    assert [ruling.id for ruling in result.approvals] == ["a3", "a2", "a1"]


async def test_long_arguments_are_in_the_store_and_not_in_history(stack: Stack) -> None:
    """People still see exactly what is to be done."""
    ledger = Ledger()
    account = "x" * 5000
    async with stack.worker(ledger.tools):
        handle = await started(stack, posting(account))
        [pending] = await open_approvals(handle)
        stored = await stack.store.get(pending["request"]["stored"])
        await decide(handle, pending)
        await handle.result()
    assert pending["request"]["arguments"] is None
    assert account in stored.decode()
    assert ledger.posted == [{"account": account, "amount": 5000}]


async def test_waiting_leaves_no_event_and_survives_a_lost_worker(stack: Stack) -> None:
    """After the timer nothing happens until the decision; another worker goes on with it."""
    ledger = Ledger()
    async with stack.worker(ledger.tools):
        handle = await started(stack, posting())
        [pending] = await open_approvals(handle)
        before = await events_of(handle)
    async with stack.worker(ledger.tools):
        [again] = await open_approvals(handle)
        between = await events_of(handle)
        await decide(handle, pending)
        result = await handle.result()
    assert again == pending
    assert between == before
    kinds = [EventType.Name(kind) for kind in before]
    assert kinds[-2:] == [
        "EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES",
        "EVENT_TYPE_TIMER_STARTED",
    ]
    assert (result.status, len(ledger.posted)) == (RunStatus.SUCCEEDED, 1)


async def events_of(handle: WorkflowHandle[Any, Any]) -> list["EventType.ValueType"]:
    """The kinds of a run's events so far."""
    return [event.event_type async for event in handle.fetch_history_events()]


async def test_approval_that_nobody_gives_fails_the_run_if_so_declared(stack: Stack) -> None:
    """The others of its turn wait no longer either."""
    ledger = Ledger()
    async with stack.worker(ledger.tools):
        rules = {
            "ledger.post": {"timeout": "1s", "otherwise": "fail"},
            "ledger.read": {"timeout": "30d"},
        }
        reading = {"tool": "ledger.read", "args": {"account": "A"}}
        handle = await started(stack, posting(), reading, approvals=rules)
        ending = await ending_of(handle)
    assert (ending.result.status, ending.result.category) == (
        RunStatus.FAILED,
        FailureCategory.LIMIT_REACHED,
    )
    assert ending.result.reason == ("nobody approved ledger.post within 1s (approvals.ledger.post)")
    assert ledger.posted == []
