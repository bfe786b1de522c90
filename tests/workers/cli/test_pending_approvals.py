"""Which of the calls that wait a decision is about."""

import pytest

from rota.approvals.requests import ApprovalRequest, OpenApproval
from rota.approvals.spec import ApprovalRule
from tests.rota.keepers.desks import T0
from workers.cli.command_error import CommandError
from workers.cli.pending_approvals import PendingCall, named

FIRST, SECOND = "a" * 64, "b" * 64


def call(id: str, digest: str) -> PendingCall:
    """A payment that waits."""
    request = ApprovalRequest(
        tool="pay", digest=digest, key="pay", rule=ApprovalRule(when="always")
    )
    return PendingCall("r", "payer", OpenApproval(id=id, request=request, since=T0, until=T0), {})


PENDING = [call("a1", FIRST), call("a2", SECOND)]


@pytest.mark.parametrize(
    ("name", "digest", "found"),
    [
        ("a2", None, "a2"),
        (None, SECOND, "a2"),
        (None, SECOND[:12], "a2"),
        ("a1", FIRST[:12], "a1"),
        (None, None, "name one of them\na1: pay {} (aaaaaaaaaaaa)\na2: pay {} (bbbbbbbbbbbb)"),
        ("a1", SECOND, f"'{SECOND}' is not what waits; look at it again:\na1: pay"),
        (None, "b", "'b' is not what waits"),
        ("a3", FIRST, "no approval 'a3' is pending; pending are: a1, a2"),
    ],
)
def test_call_is_named_by_its_id_or_its_digest_or_shown_with_what_waits(
    name: str | None, digest: str | None, found: str
) -> None:
    """The digest alone is enough where several wait; what is not clear is shown whole."""
    try:
        told = named(PENDING, name, digest).approval.id
    except CommandError as error:
        told = error.message
    assert found in told
    assert ("\n" in told or "pending are" in told) is (found not in ("a1", "a2"))
