"""The settlement starts by event, once; the escalation rests on the evening's slot."""

import sqlite3
from typing import Any

from rota.runs import RunStatus, Trigger
from tests.examples.ledger_office import LedgerOffice, ledger_office
from tests.stack import Stack
from tests.workflows.topics import runs_of

EVENING = "2026-11-12T17:05:00Z"
"""18:05 in Berlin: a slot of the reconciliation, ten minutes before the escalation's."""


def rows(office: LedgerOffice, query: str) -> list[tuple[Any, ...]]:
    """Read the books directly."""
    connection = sqlite3.connect(office.state)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


async def input_of(stack: Stack, run_id: str) -> dict[str, Any]:
    """What a run was started with."""
    history = await stack.client.get_workflow_handle(run_id).fetch_history()
    payloads = history.events[0].workflow_execution_started_event_attributes.input.payloads
    (argument,) = await stack.client.data_converter.decode(list(payloads))
    return argument["input"]


async def test_settlement_runs_once_for_an_event_that_is_published_twice(stack: Stack) -> None:
    """The reconciliation announces it, somebody publishes it again: one run, its payload whole."""
    async with ledger_office(stack) as office:
        reconciled = await office.reconcile("day-1")
        (event,) = reconciled.events
        await office.topic.quiet(1)
        again = await office.topic.publish(id=event.id, payload={"counts": {"discrepancies": 9}})
        await office.topic.quiet(1)
        ids = await runs_of(stack, office.settlement, 1)
        settled = await office.result(ids[0])
        given = await input_of(stack, ids[0])
        summary = await office.topic.summary()
    found = reconciled.output["discrepancies"]
    assert ids == [f"{office.settlement}-event-{event.id}"]
    assert (again.sequence, summary.delivered) == (1, 1)
    assert given["cause"] == event.id
    assert given["discrepancies"] == found
    assert (settled.status, settled.trigger) == (RunStatus.SUCCEEDED, Trigger.EVENT)
    corrected = {item["entry_id"] for item in settled.output["corrections"]}
    assert corrected == {item["entry_id"] for item in found} != set()
    assert rows(office, "SELECT DISTINCT cause FROM corrections") == [(event.id,)]


async def test_settlement_writes_under_a_later_fence_than_the_reconciliation(stack: Stack) -> None:
    """The two take turns at the books, each with a number of its own, and the books keep it."""
    async with ledger_office(stack) as office:
        await office.reconcile("day-1")
        ((before,),) = rows(office, "SELECT number FROM fences WHERE lock = 'general-ledger'")
        (run_id,) = await runs_of(stack, office.settlement, 1)
        await office.result(run_id)
        ((after,),) = rows(office, "SELECT number FROM fences WHERE lock = 'general-ledger'")
        await office.reconcile("day-2")
        ((last,),) = rows(office, "SELECT number FROM fences WHERE lock = 'general-ledger'")
    assert 0 < before <= after < last


async def test_settlement_does_not_start_when_nothing_was_found(stack: Stack) -> None:
    """The filter keeps an event without discrepancies back."""
    async with ledger_office(stack) as office:
        await office.reconcile("day-1")
        await office.topic.publish(id="quiet-day", payload={"counts": {"discrepancies": 0}})
        summary = await office.topic.quiet(2)
        await office.result((await runs_of(stack, office.settlement, 1))[0])
    assert (summary.delivered, summary.filtered, summary.dead) == (1, 1, 0)


async def test_escalation_rests_on_the_reconciliation_of_its_evening(stack: Stack) -> None:
    """It takes the slot of 18:05, and the next evening, when none came, the last there was."""
    async with ledger_office(stack) as office:
        reconciled = await office.reconcile("evening", slot=EVENING)
        same = await stack.run(office.escalation, "same", slot="2026-11-12T17:15:00Z")
        later = await stack.run(office.escalation, "later", slot="2026-11-13T17:15:00Z")
        await office.result((await runs_of(stack, office.settlement, 1))[0])
    for escalated in (same, later):
        assert escalated.status is RunStatus.SUCCEEDED
        assert escalated.output["based_on"] == "evening"
        assert escalated.output["count"] == len(reconciled.output["discrepancies"])
        assert escalated.output["as_of"] == "2026-10-01"
