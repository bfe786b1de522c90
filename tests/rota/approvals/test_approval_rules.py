"""When a call needs an approval, and when a person's word on it counts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from rota.approvals.requests import (
    ApprovalDecision,
    ApprovalRequest,
    OpenApproval,
    Ruling,
    Verdict,
    request_digest,
)
from rota.approvals.rules import (
    needs_approval,
    requester_of,
    ruling_of,
    ruling_without,
    why_closed,
    why_forged,
    why_void,
)
from rota.approvals.spec import ApprovalRule
from rota.model import content_digest
from rota.runs import Trigger

T0 = datetime(2026, 11, 23, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
ARGS = {"account": "DE12", "amount": 5000}
NAMED: dict[str, Any] = {
    "version": "v1",
    "run_key": "k1",
    "tool": "ledger.post",
    "arguments": ARGS,
    "call_key": "c1",
}


def request(rule: dict[str, Any] | None = None, **fields: Any) -> ApprovalRequest:
    """A request to post 5000."""
    given = {
        "tool": "ledger.post",
        "digest": request_digest(**NAMED),
        "arguments": ARGS,
        "key": "ledger.*",
        "rule": ApprovalRule.model_validate(rule or {}),
    }
    return ApprovalRequest.model_validate(given | fields)


def pending(rule: dict[str, Any] | None = None, **fields: Any) -> OpenApproval:
    """It waits since nine, for an hour; `pat` asked for the run."""
    return OpenApproval(
        id="a1",
        request=request(rule, **fields),
        requester="pat",
        since=T0,
        until=T0 + HOUR,
    )


def decision(verdict: str = "approve", **fields: Any) -> ApprovalDecision:
    """What `kim` says."""
    given = {"call": "a1", "digest": request_digest(**NAMED), "verdict": verdict, "by": "kim"}
    return ApprovalDecision.model_validate(given | fields)


EDITED = {"account": "DE12", "amount": 900}


@pytest.mark.parametrize(
    ("when", "arguments", "needed"),
    [
        ("always", {}, True),
        ("never", ARGS, False),
        ("args.amount > 1000", {"amount": 1000}, False),
        ("args.amount > 1000", {"amount": 1000.01}, True),
        # What cannot be told is asked.
        ("args.amount > 1000", {}, True),
        ("args.amount > 1000", {"amount": "999"}, True),
        ("args.amount > 1000", {"amount": None}, True),
        ('args.to.0 in ["a@x.org"]', {"to": []}, True),
        ("not args.dry_run", {}, True),
        ("not args.dry_run", {"dry_run": True}, False),
        ('args.env == "prod"', {"env": "test"}, False),
        ("args.note", {"note": None}, False),
        ('"prod" in args.tags', {"tags": 3}, True),
    ],
)
def test_call_needs_approval_if_the_rule_says_so_or_cannot_tell(
    when: str, arguments: dict[str, Any], needed: bool
) -> None:
    """A condition that has to guess is taken to hold."""
    assert needs_approval(ApprovalRule(when=when), arguments) is needed


@pytest.mark.parametrize("field", NAMED)
def test_request_digest_changes_with_all_that_it_names(field: str) -> None:
    """Another version, run, tool, call, or argument is another request."""
    changed: dict[str, Any] = {**NAMED}
    changed[field] = {**ARGS, "amount": 5001} if field == "arguments" else "other"
    assert request_digest(**changed) != request_digest(**NAMED)


def test_request_digest_is_deaf_to_the_order_of_arguments() -> None:
    """JSON objects have none."""
    turned: dict[str, Any] = {**NAMED}
    turned["arguments"] = dict(reversed(ARGS.items()))
    assert request_digest(**NAMED) == request_digest(**turned)


@pytest.mark.parametrize(
    ("said", "rule", "at", "reason"),
    [
        ({}, {}, T0, ""),
        ({"verdict": "deny"}, {}, T0, ""),
        ({"verdict": "edit", "arguments": EDITED}, {}, T0 + HOUR, ""),
        ({"digest": "0" * 64}, {}, T0, "the digest is not that of this request"),
        ({"digest": request_digest(**NAMED)[:12]}, {}, T0, ""),
        ({}, {}, T0 + HOUR + timedelta(seconds=1), "too late"),
        ({"verdict": "deny"}, {}, T0 + 2 * HOUR, "too late"),
        ({"by": "pat"}, {}, T0, ""),
        ({"by": "pat"}, {"four_eyes": True}, T0, "somebody else has to approve"),
        ({"by": "  PAT "}, {"four_eyes": True}, T0, "somebody else has to approve"),
        (
            {"by": "pat", "verdict": "edit", "arguments": EDITED},
            {"four_eyes": True},
            T0,
            "somebody else has to approve",
        ),
        ({"by": "pat", "verdict": "deny"}, {"four_eyes": True}, T0, ""),
        ({"by": "kim"}, {"four_eyes": True}, T0, ""),
        ({"verdict": "edit", "arguments": {"n": "x" * 70_000}}, {}, T0, "at most 65536"),
        ({"verdict": "edit", "arguments": {"n": float("nan")}}, {}, T0, "no JSON"),
    ],
)
def test_decision_is_void_for_a_reason_or_counts(
    said: dict[str, Any], rule: dict[str, Any], at: datetime, reason: str
) -> None:
    """Forged, late, one's own, too large: each is refused with why."""
    found = why_void(decision(**said), pending(rule), at)
    assert reason in found
    assert bool(found) is bool(reason)


def test_decision_on_a_parked_request_counts_until_it_expires() -> None:
    """Parked, its time goes on to another end."""
    waiting = pending().model_copy(update={"parked_until": T0 + 3 * HOUR})
    assert why_void(decision(), waiting, T0 + 2 * HOUR) == ""
    assert "too late" in why_void(decision(), waiting, T0 + 4 * HOUR)


def test_call_that_a_provider_makes_cannot_be_edited() -> None:
    """It is made as it is, or not at all."""
    void = why_void(decision("edit", arguments=EDITED), pending(editable=False), T0)
    assert "approve or deny it" in void


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ({}, {}, ""),
        ({}, {"by": "lee"}, ""),
        ({}, {"verdict": "deny"}, "decided already: a1 is approved by kim"),
        ({"verdict": "deny", "note": "no"}, {}, "decided already: a1 is denied by kim: no"),
        (
            {"verdict": "edit", "arguments": EDITED},
            {"verdict": "edit", "arguments": {**EDITED, "amount": 901}},
            "decided already: a1 is approved by kim with other arguments",
        ),
        (
            {"verdict": "edit", "arguments": EDITED},
            {"verdict": "edit", "arguments": EDITED},
            "",
        ),
    ],
)
def test_second_word_on_a_request_is_refused_unless_it_says_the_same(
    first: dict[str, Any], second: dict[str, Any], reason: str
) -> None:
    """Whoever is first decides; to say it again changes nothing."""
    closed = ruling_of(decision(**first), pending(), T0)
    assert why_closed(decision(**second), closed.for_the_record) == reason


def test_word_after_the_timeout_is_told_what_followed() -> None:
    """Nobody decided: that is why it is too late."""
    closed = ruling_without(pending({"timeout": "1h"}), T0 + HOUR)
    assert why_closed(decision(), closed) == ("too late: a1 is denied: nobody decided within 1h")


@pytest.mark.parametrize(
    ("otherwise", "read_only", "verdict"),
    [
        ("deny", True, "deny"),
        ("approve_if_read_only", True, "approve"),
        ("approve_if_read_only", False, "deny"),
    ],
)
def test_request_that_nobody_decided_on_is_denied_unless_it_only_reads(
    otherwise: str, read_only: bool, verdict: str
) -> None:
    """And who makes the call believes neither without looking."""
    waiting = pending({"otherwise": otherwise}, read_only=read_only)
    ruling = ruling_without(waiting, T0 + 2 * HOUR)
    assert ruling.verdict == verdict
    assert (why_forged(ruling, waiting.request, "pat") == "") is (verdict == "approve")


def test_request_that_nobody_may_wait_for_any_longer_is_denied_though_it_only_reads() -> None:
    """What a rule allows once its time is over, it does not allow before."""
    waiting = pending({"otherwise": "approve_if_read_only"}, read_only=True)
    ruling = ruling_without(waiting, T0, "its caller had to go on")
    assert (ruling.verdict, ruling.note) == (Verdict.DENY, "its caller had to go on")


@pytest.mark.parametrize("requester", ["", "  "])
def test_four_eyes_need_to_know_who_asked(requester: str) -> None:
    """Where nobody knows, anybody could be that: denied by whom one likes, approved by nobody."""
    waiting = pending({"four_eyes": True}).model_copy(update={"requester": requester})
    edit = decision("edit", arguments=EDITED)
    for said in (decision(), edit):
        assert "nobody knows who asked for this run" in why_void(said, waiting, T0)
        ruling = ruling_of(said, waiting, T0)
        assert "nobody knows who asked" in why_forged(ruling, waiting.request, requester)
    assert why_void(decision("deny"), waiting, T0) == ""


def test_decision_names_who_decides() -> None:
    """Blanks are nobody's name."""
    with pytest.raises(ValidationError):
        decision(by="  ")


def forged(ruling: Ruling, **fields: Any) -> Ruling:
    """A ruling that somebody has written into."""
    return ruling.model_copy(update=fields)


APPROVED = ruling_of(decision(), pending(), T0)
CHANGED = ruling_of(decision("edit", arguments=EDITED), pending(), T0)


@pytest.mark.parametrize(
    ("ruling", "rule", "reason"),
    [
        (APPROVED, {}, ""),
        (CHANGED, {}, ""),
        (forged(APPROVED, digest="0" * 64), {}, "another call"),
        (forged(APPROVED, tool="ledger.close"), {}, "another call"),
        (forged(APPROVED, by=""), {}, "nobody has approved it"),
        (forged(APPROVED, by=""), {"otherwise": "approve_if_read_only"}, "nobody has approved"),
        (forged(APPROVED, by="pat"), {"four_eyes": True}, "cannot approve it"),
        (forged(APPROVED, at=T0 + 2 * HOUR), {}, "too late"),
        (forged(APPROVED, allowed=""), {}, "not those that were approved"),
        (forged(CHANGED, arguments={**EDITED, "amount": 9}), {}, "not those that were approved"),
        (forged(CHANGED, arguments=None), {}, "they are not there"),
        (ruling_of(decision("deny"), pending(), T0), {}, "it was denied"),
    ],
)
def test_ruling_is_checked_by_whoever_makes_the_call(
    ruling: Ruling, rule: dict[str, Any], reason: str
) -> None:
    """Whatever the run says: the digest, the arguments, the person and the time must fit."""
    found = why_forged(ruling, request(rule), "pat")
    assert reason in found
    assert bool(found) is bool(reason)


def test_edit_allows_exactly_its_arguments() -> None:
    """What may run is what was written."""
    assert (CHANGED.verdict, CHANGED.arguments) == (Verdict.EDIT, EDITED)
    assert CHANGED.allowed == content_digest(EDITED)
    assert CHANGED.shown == "approved by kim with other arguments"


@pytest.mark.parametrize(
    ("by", "trigger", "declared_by", "schedule", "requester"),
    [
        ("kim", Trigger.MANUAL, "lee", None, "kim"),
        ("", Trigger.MANUAL, "lee", None, ""),
        ("", Trigger.SCHEDULE, "lee", "report", "lee"),
        ("", Trigger.SCHEDULE, "", "report", "schedule report"),
        ("kim", Trigger.BACKFILL, "lee", "report", "kim"),
        ("", Trigger.MANUAL, "lee", "report", ""),
        ("", Trigger.EVENT, "lee", "report", "lee"),
        ("", Trigger.EVENT, "", "report", ""),
        ("kim", Trigger.HANDOFF, "lee", None, "kim"),
    ],
)
def test_requester_is_who_started_the_run_or_had_it_scheduled(
    by: str, trigger: Trigger, declared_by: str, schedule: str | None, requester: str
) -> None:
    """What starts by itself acts for who applied it."""
    assert requester_of(by, trigger, declared_by, schedule) == requester
