"""The chain of reasons of one slot, from what its ledger says of it."""

from datetime import datetime
from typing import Any

import pytest

from rota.keepers.run_orders import RunOrder
from rota.keepers.state import LedgerEntry
from rota.runs import Covers, RunStatus, Trigger
from rota.usage import Usage
from tests.rota.keepers.desks import HOUR, T0, run
from tests.schedules.slot_entries import IS_SLOT, NEXT, SLOT, entry, explained, texts


def passed_over(slot: datetime, into: datetime) -> LedgerEntry:
    """A slot that was noted as missed, without a run."""
    return entry(
        "none",
        slot,
        run=None,
        status=RunStatus.SKIPPED,
        reason=f"missed; coalesced into {NEXT}",
        coalesced_into=into,
        admitted_at=into,
    )


def test_explain_of_a_slot_that_ran_tells_start_end_time_covered_and_result() -> None:
    """The plain case, whole."""
    ran = entry(
        "r1",
        covers=Covers(start=T0 - HOUR, end=T0),
        output="abc",
        turns=2,
        tool_calls=1,
        usage=Usage(input_tokens=1500, cost_micros=1200),
    )
    explanation = explained(ran)
    assert (explanation.outcome, explanation.run_id) == ("succeeded", "r1")
    assert [reason.text for reason in explanation.chain] == [
        IS_SLOT,
        "the schedule started r1; its keeper heard of it at 2026-11-22T06:00:01Z",
        "r1 succeeded at 2026-11-22T06:00:03Z, after 2s (turns 2, tool calls 1, tokens 1,500, "
        "$0.0012)",
        "it answers for the time from 2026-11-22T05:00:00Z to 2026-11-22T06:00:00Z",
        "its result has the digest abc: 'rota show r1' prints it",
    ]
    assert [reason.kind for reason in explanation.chain] == [
        "slot",
        "started",
        "ended",
        "covers",
        "output",
    ]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (
            {"status": "failed", "reason": "no route", "category": "tool_failed"},
            "r1 failed at 2026-11-22T06:00:03Z, after 2s [tool_failed]: no route",
        ),
        (
            {"status": "blocked", "reason": "no token", "category": "auth"},
            "r1 was blocked at 2026-11-22T06:00:03Z, after 2s [auth]: no token",
        ),
        ({"status": "cancelled"}, "r1 was cancelled at 2026-11-22T06:00:03Z, after 2s"),
        (
            {"status": "skipped", "reason": "slot already succeeded as r0"},
            "r1 was skipped: slot already succeeded as r0",
        ),
        ({"status": "running", "settled_at": None}, "r1 is at work"),
        (
            {"status": "queued", "settled_at": None, "reason": "session 'x' is held by r0"},
            "r1 waits for its turn: session 'x' is held by r0",
        ),
    ],
)
def test_explain_of_a_run_tells_its_end_and_the_reason(fields: dict[str, Any], told: str) -> None:
    """Every status has its sentence; category and reason are the ledger's own."""
    explanation = explained(entry("r1", **fields))
    assert texts(explanation)[1] == told
    assert explanation.outcome == fields["status"]


@pytest.mark.parametrize(
    ("trigger", "told"),
    [
        (Trigger.MANUAL, "r1 was started by hand; "),
        (Trigger.BACKFILL, "a backfill started r1; "),
        (Trigger.RERUN, "r1 was ordered to run the slot again; "),
        (Trigger.EVENT, "an event started r1; "),
        (Trigger.HOOK, "a webhook started r1; "),
    ],
)
def test_explain_of_a_run_tells_what_started_it(trigger: Trigger, told: str) -> None:
    """Whatever runs for a slot belongs to its chain."""
    assert texts(explained(entry("r1", trigger=trigger)))[0].startswith(told)


def test_explain_of_a_node_tells_its_pipeline() -> None:
    """The lineage is part of why."""
    ran = entry("r1", trigger=Trigger.UPSTREAM, cause="node email of morning-1")
    told = texts(explained(ran))[0]
    assert told.startswith("a pipeline started r1 (node email of morning-1); ")


def test_explain_of_a_coalesced_slot_follows_to_what_ran_in_its_place() -> None:
    """Skipped is not the end of the story: the newer slot, and how that one ended."""
    explanation = explained(passed_over(T0, T0 + HOUR), entry("r2", T0 + HOUR))
    assert texts(explanation)[:3] == [
        f"no run was started: missed; coalesced into {NEXT}",
        f"{NEXT} was to run in its place",
        "the schedule started r2; its keeper heard of it at 2026-11-22T07:00:01Z",
    ]
    assert (explanation.outcome, explanation.run_id) == ("succeeded", "r2")
    assert [reason.slot for reason in explanation.chain[1:3]] == [None, T0 + HOUR]


def test_explain_of_a_coalesced_slot_that_was_run_all_the_same_does_not_follow() -> None:
    """A backfill made up for it: the newer slot no longer matters."""
    made_up = entry("b1", trigger=Trigger.BACKFILL)
    explanation = explained(passed_over(T0, T0 + HOUR), entry("r2", T0 + HOUR), made_up)
    assert (explanation.outcome, explanation.run_id) == ("succeeded", "b1")
    assert not any(NEXT in text and "in its place" in text for text in texts(explanation))


def test_explain_of_a_slot_that_others_were_folded_into_names_them() -> None:
    """Whose work it did, too."""
    explanation = explained(passed_over(T0, T0 + HOUR), entry("r2", T0 + HOUR), slot=T0 + HOUR)
    assert texts(explanation)[0] == f"1 missed before it were coalesced into it: {SLOT}"


def test_explain_of_coalesced_slots_in_a_ring_ends() -> None:
    """Whatever a ledger holds, the chain is finite."""
    ring = (passed_over(T0, T0 + HOUR), passed_over(T0 + HOUR, T0))
    assert len(explained(*ring).chain) < 10


def test_explain_of_a_failed_slot_that_was_run_again_is_a_success() -> None:
    """One success settles a slot; the failures before stay in the chain."""
    failed = entry("r1", status=RunStatus.FAILED, reason="no route")
    explanation = explained(failed, entry("again", trigger=Trigger.RERUN))
    assert (explanation.outcome, explanation.run_id) == ("succeeded", "again")
    assert [r.run_id for r in explanation.chain if r.kind == "ended"] == ["r1", "again"]


def test_explain_of_a_shared_key_names_both_ways() -> None:
    """Who shared the end of whom."""
    owner = entry("r1", dedupe_key="sha1")
    other = entry(
        "r2",
        T0 + HOUR,
        status=RunStatus.SKIPPED,
        dedupe_key="sha1",
        same_as=run("r1"),
        reason="already done by r1",
    )
    assert texts(explained(owner, other))[-1] == ("runs with the same key that share its end: r2")
    told = texts(explained(owner, other, slot=T0 + HOUR))
    assert told[1:] == [
        "it has the key 'sha1', and so has r1",
        "r2 was skipped: already done by r1",
    ]


def test_explain_of_an_ordered_run_tells_who_ordered_it() -> None:
    """A run that is owed is no gap."""
    order = RunOrder(run_id="report-backfill-1", slot=T0, trigger=Trigger.BACKFILL, batch="b7")
    explanation = explained(state={"orders": (order,)})
    assert texts(explanation) == ["report-backfill-1 was ordered by backfill b7; not started yet"]


def test_explain_document_is_plain_json_with_times_in_one_form() -> None:
    """Programs read the same as people."""
    document = explained(entry("r1")).document
    assert document["slot"] == SLOT
    assert document["chain"][1]["kind"] == "started"
    assert document["chain"][1]["at"] == "2026-11-22T06:00:01Z"
    assert document["entries"][0]["run"]["id"] == "r1"
