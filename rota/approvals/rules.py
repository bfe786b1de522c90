"""When a call needs an approval, and when a person's word on it counts.

Pure. Rules are evaluated, and rulings checked, by the activities that have the arguments at
hand; the run waits in between, and is not believed by whoever makes the call.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rota.approvals.requests import (
    EDIT_LIMIT,
    SHORTEST_DIGEST,
    ApprovalDecision,
    ApprovalRequest,
    OpenApproval,
    Ruling,
    Verdict,
)
from rota.approvals.spec import ALWAYS, NEVER, ApprovalRule, Undecided
from rota.ids import format_slot
from rota.language.conditions import holds, is_undecided
from rota.language.durations import format_duration
from rota.model import canonical_json, content_digest
from rota.runs import Trigger

_BY_SCHEDULE = (Trigger.SCHEDULE, Trigger.BACKFILL, Trigger.RERUN)


def needs_approval(rule: ApprovalRule, arguments: Mapping[str, Any]) -> bool:
    """Whether a call with these arguments, defaults filled in, needs a decision.

    A condition that cannot be told of them is taken to hold.
    """
    if rule.when in (ALWAYS, NEVER):
        return rule.when == ALWAYS
    scope = {"args": dict(arguments)}
    return holds(rule.when, scope) or is_undecided(rule.when, scope)


def requester_of(by: str, trigger: Trigger, declared_by: str, schedule: str | None) -> str:
    """Who asked for a run; empty if nobody knows.

    Args:
        by: What its starter says.
        trigger: Why it exists. What starts by itself acts for who declared it.
        declared_by: Who applied the declaration.
        schedule: The agent's, if it has one.
    """
    if by or trigger is Trigger.MANUAL:
        return by
    by_schedule = schedule if trigger in _BY_SCHEDULE else None
    return declared_by or (f"schedule {by_schedule}" if by_schedule else "")


def is_same_person(one: str, other: str) -> bool:
    """Whether two names mean the same: how they are written does not matter."""
    return _plain(one) == _plain(other) != ""


def why_void(decision: ApprovalDecision, pending: OpenApproval, now: datetime) -> str:
    """Say why a decision on a pending request does not count, in one line; empty if it does."""
    id, request = pending.id, pending.request
    if not request.digest.startswith(decision.digest):
        return (
            f"{id}: the digest is not that of this request ({request.digest[:SHORTEST_DIGEST]}): "
            "look at it again, then decide"
        )
    if now > pending.last_call:
        return f"{id}: too late, its time was over at {format_slot(pending.last_call)}"
    if decision.verdict is Verdict.DENY:
        return ""
    if request.rule.four_eyes and not _plain(pending.requester):
        return (
            f"{id}: nobody knows who asked for this run, so four eyes cannot be told from two: "
            "deny it, and start the run with 'by'"
        )
    if request.rule.four_eyes and is_same_person(decision.by, pending.requester):
        return f"{id}: {decision.by} asked for this run; somebody else has to approve it"
    if decision.verdict is not Verdict.EDIT:
        return ""
    if not request.editable:
        return f"{id}: the provider makes this call as it is; approve or deny it"
    try:
        size = len(canonical_json(decision.arguments))
    except ValueError as error:
        return f"{id}: the arguments are no JSON: {error}"
    if size > EDIT_LIMIT:
        return f"{id}: the arguments have {size} bytes; at most {EDIT_LIMIT} may travel"
    return ""


def why_closed(decision: ApprovalDecision, ruling: Ruling) -> str:
    """Say why a decision comes too late for a request that is closed.

    Empty if it says again what was decided.
    """
    told = f"{ruling.id} is {ruling.shown}"
    if not ruling.by:
        return f"too late: {told}"
    edited = decision.arguments is None or content_digest(decision.arguments) == ruling.allowed
    same = decision.verdict is ruling.verdict and edited
    return "" if same and ruling.digest.startswith(decision.digest) else f"decided already: {told}"


def ruling_of(decision: ApprovalDecision, pending: OpenApproval, now: datetime) -> Ruling:
    """What a decision that counts comes to."""
    allowed = ""
    if decision.arguments is not None:
        allowed = content_digest(decision.arguments)
    elif decision.verdict is Verdict.APPROVE:
        allowed = pending.request.digest
    return _ruling(
        pending,
        now,
        verdict=decision.verdict,
        by=decision.by,
        note=decision.note,
        allowed=allowed,
        arguments=decision.arguments,
    )


def ruling_without(pending: OpenApproval, now: datetime, note: str = "") -> Ruling:
    """What follows if nobody decides: a denial, unless a read may go on without.

    Args:
        pending: The request.
        now: When it is closed.
        note: Why nobody may decide any longer, if that is before its time: a denial then, for
            no rule says that anything is allowed so soon.
    """
    request = pending.request
    reads = request.rule.otherwise is Undecided.APPROVE_IF_READ_ONLY and request.read_only
    allows = reads and not note
    waited = format_duration(request.rule.timeout)
    hours = " of business hours" if request.rule.hours else ""
    note = note or f"nobody decided within {waited}{hours}"
    if not allows:
        return _ruling(pending, now, verdict=Verdict.DENY, note=note)
    return _ruling(pending, now, verdict=Verdict.APPROVE, note=note, allowed=request.digest)


def why_forged(ruling: Ruling, request: ApprovalRequest, requester: str) -> str:
    """Say why a ruling does not allow the call that `request` was made of anew; empty if it does.

    The last word before a call is made, by whoever makes it, from the record alone: what the run
    has made of the decision on the way is not believed.
    """
    if ruling.tool != request.tool or ruling.digest != request.digest:
        return "the approval is of another call, other arguments or another version of the agent"
    if ruling.verdict is Verdict.DENY:
        return "it was denied"
    if ruling.verdict is Verdict.EDIT:
        allowed = content_digest(ruling.arguments)
        if ruling.arguments is None or not request.editable:
            return "it was approved with other arguments, and they are not there"
    else:
        allowed = request.digest
    if ruling.allowed != allowed:
        return "the arguments are not those that were approved"
    if ruling.by:
        if ruling.at > ruling.until:
            return "it was approved too late"
        if request.rule.four_eyes and not _plain(requester):
            return "nobody knows who asked for the run, so nobody can approve it"
        own = request.rule.four_eyes and is_same_person(ruling.by, requester)
        return f"{ruling.by} asked for the run, and cannot approve it" if own else ""
    reads = request.rule.otherwise is Undecided.APPROVE_IF_READ_ONLY and request.read_only
    return "" if reads and ruling.verdict is Verdict.APPROVE else "nobody has approved it"


def _ruling(pending: OpenApproval, now: datetime, **fields: Any) -> Ruling:
    request = pending.request
    return Ruling(
        id=pending.id,
        tool=request.tool,
        digest=request.digest,
        at=now,
        until=pending.last_call,
        **fields,
    )


def _plain(name: str) -> str:
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", name)).strip().casefold()
