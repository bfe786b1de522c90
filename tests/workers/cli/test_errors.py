"""Which error ends a command with which code."""

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.stores.base import StoreError
from activities.tools.fleet import ToolLoadError
from schedules.apply_errors import ApplyError, NoWorkerError
from schedules.declaration_errors import DeclarationError, DeclarationErrors
from workers.cli.errors import explained
from workers.cli.exit_codes import ExitCode
from workers.connection import UnreachableError
from workers.dev_lock import DevRunningError
from workers.devserver import ServerStartError

CASES: list[tuple[Exception, ExitCode]] = [
    (UnreachableError("nobody"), ExitCode.NO_SERVER),
    (NoWorkerError("rota"), ExitCode.NO_SERVER),
    (ApplyError("refused"), ExitCode.FAILED),
    (DeclarationErrors([DeclarationError("a.yaml", 1, "k", "m")]), ExitCode.WRONG),
    (ToolLoadError("tools.py: no"), ExitCode.WRONG),
    (ServerStartError("port taken"), ExitCode.FAILED),
    (DevRunningError("another"), ExitCode.FAILED),
    (StoreError("unreachable"), ExitCode.FAILED),
    (RPCError("gone", RPCStatusCode.UNAVAILABLE, b""), ExitCode.NO_SERVER),
    (RPCError("late", RPCStatusCode.DEADLINE_EXCEEDED, b""), ExitCode.NO_SERVER),
    (RPCError("no", RPCStatusCode.PERMISSION_DENIED, b""), ExitCode.NO_SERVER),
    (RPCError("what", RPCStatusCode.NOT_FOUND, b""), ExitCode.NOT_FOUND),
    (RPCError("bad", RPCStatusCode.INVALID_ARGUMENT, b""), ExitCode.FAILED),
    (FileNotFoundError(2, "No such file", "x.json"), ExitCode.FAILED),
]


@pytest.mark.parametrize(("error", "code"), CASES, ids=lambda value: type(value).__name__)
def test_expected_error_has_its_exit_code_and_one_line(error: Exception, code: ExitCode) -> None:
    """Expected trouble is told in one line, whoever raised it."""
    told = explained(error)
    assert told is not None
    assert (told.exit_code, len(told.message.splitlines())) == (code, 1)


def test_unexpected_error_is_left_alone() -> None:
    """A bug keeps its traceback."""
    assert explained(KeyError("x")) is None


def test_refused_update_is_told_without_the_name_of_its_error() -> None:
    """What the workflow says is for people; its error's type is for programs."""
    refused = ApplicationError("a1: kim asked for this run", type="DecisionRefusedError")
    told = explained(WorkflowUpdateFailedError(refused))
    assert told is not None
    assert told.message == "refused: a1: kim asked for this run"


def test_namespace_that_there_is_not_is_told_with_what_mends_it() -> None:
    """The server's own words do not say where its name came from."""
    told = explained(RPCError("Namespace prd is not found.", RPCStatusCode.NOT_FOUND, b""))
    assert told is not None
    assert told.message.startswith("the Temporal server has no namespace prd: name another with")
