"""From an exception to one line and an exit code.

Expected trouble is told in a sentence that says how to mend it; only what nobody expected
keeps its traceback. Imported when something has failed, so it may know every layer.
"""

import asyncio
import re

import click
from temporalio.client import WorkflowQueryFailedError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.encryption.keys import KeySourceError
from activities.encryption.marks import RefusedPayloadError
from activities.stores.base import StoreError
from activities.tools.fleet import ToolLoadError
from schedules.apply_errors import ApplyError, NoWorkerError
from schedules.declaration_errors import DeclarationErrors
from workers.child_worker import WorkerStartError
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.connection import UnreachableError
from workers.dev_lock import DevRunningError
from workers.devserver import ServerStartError
from workers.settings import SettingsError

_CODES: tuple[tuple[type[Exception], ExitCode], ...] = (
    (UnreachableError, ExitCode.NO_SERVER),
    (DeclarationErrors, ExitCode.WRONG),
    (ToolLoadError, ExitCode.WRONG),
    (NoWorkerError, ExitCode.NO_SERVER),
    (ApplyError, ExitCode.FAILED),
    (ServerStartError, ExitCode.FAILED),
    (WorkerStartError, ExitCode.FAILED),
    (DevRunningError, ExitCode.FAILED),
    (StoreError, ExitCode.FAILED),
    (SettingsError, ExitCode.WRONG),
    (KeySourceError, ExitCode.WRONG),
    (RefusedPayloadError, ExitCode.FAILED),
)

_NAMESPACE = re.compile(r"^Namespace (\S+) is not found")
_GONE = (RPCStatusCode.UNAVAILABLE, RPCStatusCode.CANCELLED)
_REFUSED = (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED)


def explained(error: Exception) -> click.ClickException | None:
    """Return what to tell the user, or None for an error nobody expected."""
    if isinstance(error, click.ClickException):
        return error
    for kind, code in _CODES:
        if isinstance(error, kind):
            return CommandError(str(error), code)
    if isinstance(error, RPCError):
        return _of_server(error)
    if isinstance(error, WorkflowUpdateFailedError):
        # Without the name of the error's type, which the text of the SDK begins with.
        said = error.cause.message if isinstance(error.cause, ApplicationError) else error.cause
        return CommandError(f"refused: {said}", ExitCode.FAILED)
    if isinstance(error, WorkflowQueryFailedError):
        return CommandError(f"the run could not answer: {error}", ExitCode.FAILED)
    if isinstance(error, asyncio.TimeoutError):
        return CommandError(
            "no worker answered in time: start one with 'rota worker', then repeat",
            ExitCode.NO_SERVER,
        )
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return CommandError(f"{place}{error.strerror or error}", ExitCode.FAILED)
    return None


def _of_server(error: RPCError) -> CommandError:
    if error.status in _GONE:
        return CommandError(
            f"the Temporal server stopped answering ({error.message}): look at it, then repeat "
            "the command; what it acknowledged is kept",
            ExitCode.NO_SERVER,
        )
    if error.status is RPCStatusCode.DEADLINE_EXCEEDED:
        return CommandError(
            "no answer in time: is a worker running for this task queue? Start one with "
            "'rota worker'",
            ExitCode.NO_SERVER,
        )
    if error.status in _REFUSED:
        return CommandError(
            f"the Temporal server refused: {error.message}; check TEMPORAL_API_KEY, TLS and "
            "TEMPORAL_NAMESPACE",
            ExitCode.NO_SERVER,
        )
    if error.status is RPCStatusCode.NOT_FOUND and (found := _NAMESPACE.search(error.message)):
        return CommandError(
            f"the Temporal server has no namespace {found[1]}: name another with --namespace or "
            "TEMPORAL_NAMESPACE, or make it with 'temporal operator namespace create'",
            ExitCode.NOT_FOUND,
        )
    if error.status is RPCStatusCode.NOT_FOUND:
        return CommandError(
            f"the Temporal server knows no such thing: {error.message}", ExitCode.NOT_FOUND
        )
    return CommandError(f"the Temporal server answered: {error.message}", ExitCode.FAILED)
