"""What histories say of people, and of payloads that lie elsewhere."""

import base64
import json
from typing import Any

from rota.audit.entries import entries_of
from rota.audit.histories import claim_of, payloads_in, value_of
from rota.audit.interventions import interventions_of
from rota.audit.run_record import ExecutionHistory
from tests.rota.audit.audit_records import history, payload, record


def with_event(kind: str, name: str, **told: Any) -> ExecutionHistory:
    """A history with one more event."""
    made = history("r", 1)
    event = {"eventId": str(made.last + 1), "eventTime": "2026-11-22T07:00:00.123456789Z"}
    made.history["events"].append({**event, "eventType": f"EVENT_TYPE_{kind}", name: told})
    return made.model_copy(update={"last": made.last + 1})


def test_people_are_named_with_what_they_did() -> None:
    """Who decided says so; who cancels or terminates is known by the process that asked."""
    given = {"call": "a1", "digest": "d" * 64, "verdict": "deny", "by": "kim", "note": "no"}
    decided = with_event(
        "WORKFLOW_EXECUTION_UPDATE_ACCEPTED",
        "workflowExecutionUpdateAcceptedEventAttributes",
        acceptedRequest={
            "meta": {"identity": "cli@desk"},
            "input": {"name": "decide", "args": {"payloads": [payload(given)]}},
        },
    )
    stopped = with_event(
        "WORKFLOW_EXECUTION_CANCEL_REQUESTED",
        "workflowExecutionCancelRequestedEventAttributes",
        identity="cli@desk",
    )
    ended = with_event(
        "WORKFLOW_EXECUTION_TERMINATED",
        "workflowExecutionTerminatedEventAttributes",
        identity="cli@desk",
        reason="stuck",
    )
    first, second, third = interventions_of([decided, stopped, ended])
    assert (first.what, first.by) == ("decided on a call", "kim")
    assert json.loads(first.text) == {"call": "a1", "verdict": "deny", "note": "no"}
    assert first.at.isoformat() == "2026-11-22T07:00:00.123456+00:00"
    assert (second.what, second.by) == ("asked it to stop", "cli@desk")
    assert (third.what, third.text) == ("ended it by force", "stuck")


def test_chain_names_the_message_of_an_event() -> None:
    """That somebody decided is in the chain itself; what was said is content."""
    made = with_event(
        "WORKFLOW_EXECUTION_SIGNALED",
        "workflowExecutionSignaledEventAttributes",
        signalName="lease_granted",
    )
    bodies = [
        each.body for each in entries_of(record(1).model_copy(update={"executions": (made,)}))
    ]
    assert {"execution": 0, "event": 6, "type": "WorkflowExecutionSignaled"} | {
        "name": "lease_granted"
    } in bodies


def test_payload_that_lies_in_the_store_is_known_by_its_claim() -> None:
    """Others are none, whatever they hold."""
    claim = {"claimData": {"sha256": "a" * 64}, "driverName": "rota"}
    stored = {**payload(claim), "externalPayloads": [{"sizeBytes": "99"}]}
    execution = history("r", 1)
    execution.history["events"][0]["x"] = {"input": {"payloads": [stored, payload(claim)]}}
    found = [claim_of(each) for each in payloads_in(execution.history)]
    assert found[:2] == ["a" * 64, None]
    assert set(found[2:]) == {None}


def test_payload_that_is_no_json_says_nothing() -> None:
    """Bytes, broken Base64, far too much."""
    for data in ("!!!", base64.b64encode(b"\xff\xfe").decode(), "QUFB" * 100_000, ""):
        assert value_of({"metadata": {"encoding": "x"}, "data": data}) is None
