"""What the server's errors mean."""

import pytest
from temporalio.service import RPCError, RPCStatusCode

from activities.server_errors import is_missing


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        (RPCStatusCode.NOT_FOUND, "workflow not found for ID: a", True),
        (RPCStatusCode.NOT_FOUND, "schedule not found", True),
        (RPCStatusCode.NOT_FOUND, "Namespace default is not found.", False),
        (RPCStatusCode.UNAVAILABLE, "workflow not found", False),
    ],
)
def test_missing_is_what_the_server_says_of_the_thing_itself(
    status: RPCStatusCode, message: str, expected: bool
) -> None:
    """A namespace that cannot be found is trouble, not the absence of what is in it."""
    assert is_missing(RPCError(message, status, b"")) is expected
