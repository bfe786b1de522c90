"""What the server means by an error, where its status alone does not say."""

from temporalio.service import RPCError, RPCStatusCode


def is_missing(error: RPCError) -> bool:
    """True if what was asked for is not there: a workflow, a schedule.

    A server whose database is locked may say NOT_FOUND of its own namespace: that is
    passing trouble, not an answer.
    """
    missing = error.status is RPCStatusCode.NOT_FOUND
    return missing and "namespace" not in error.message.lower()
