"""Runs of an agent with `dedupe`: one run per key, whoever asks and however often.

The key makes the workflow id, so the server itself brings all who ask to one run. The
keeper holds to the same rule for runs under other ids (events, schedules).
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.documents import get_spec
from activities.stores.base import StoreError
from rota.ids import key_run_id
from rota.language.key_text import run_keys
from rota.language.templates import TemplateError
from rota.pinned_spec import PinnedSpec
from rota.pipelines.edges import accomplished
from rota.pipelines.ends import result_of_run
from rota.runs import AgentRunInput
from workers.cli.any_run import describe_run, final_view
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.output import format_time, now, remark
from workers.cli.run_view import RUN_TYPE, RunView
from workers.cli.server import Link


@dataclass(frozen=True)
class KeyedRun:
    """The run of a key."""

    run_id: str
    keep: timedelta
    """How long after its end it still answers for the key."""


async def keyed_run(link: Link, digest: str, request: AgentRunInput) -> KeyedRun | None:
    """Return the run that `request` is for; None if the agent has no `dedupe`.

    Raises:
        CommandError: the key cannot be filled from the input; exit code 2.
    """
    try:
        spec = PinnedSpec.of(await get_spec(link.store, digest))
    except StoreError as error:
        # The keeper sees to the key as well, only later.
        remark(f"whether {request.agent} has a key is not known here: {error}")
        return None
    if spec.dedupe_key is None:
        return None
    try:
        key = run_keys(spec, {**spec.input, **request.input}).dedupe
    except TemplateError as error:
        raise CommandError(f"{error}: give it with --input", ExitCode.WRONG) from error
    return KeyedRun(key_run_id(request.agent, key), timedelta(seconds=spec.dedupe_keep_seconds))


async def start_keyed(
    link: Link, keyed: KeyedRun, request: AgentRunInput, summary: str
) -> tuple[WorkflowHandle[Any, Any], str]:
    """Start the run of a key, or find the one that works, or has worked, for it.

    Returns:
        The run, and in a line what was done.
    """

    async def start(reuse: WorkflowIDReusePolicy) -> WorkflowHandle[Any, Any]:
        return await link.client.start_workflow(
            RUN_TYPE,
            request,
            id=keyed.run_id,
            task_queue=link.settings.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=reuse,
            static_summary=summary,
        )

    try:
        handle = await start(WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY)
    except WorkflowAlreadyStartedError:
        handle = link.client.get_workflow_handle(keyed.run_id)
        done = await _what_was_done(link, keyed, handle)
        if done:
            return handle, f"already done: {done}"
        # Skipped without a result, or so long ago that the key has expired.
        handle = await start(WorkflowIDReusePolicy.ALLOW_DUPLICATE)
    attached = handle.first_execution_run_id is None
    return handle, f"{'joined' if attached else 'started'} {keyed.run_id}"


async def _what_was_done(link: Link, keyed: KeyedRun, handle: WorkflowHandle[Any, Any]) -> str:
    """The run that has a result for the key, and when; empty if none has that counts."""
    described = await describe_run(link.client, keyed.run_id)
    if described.close_time is None or now() - described.close_time >= keyed.keep:
        return ""
    view = await final_view(link.client, handle)
    if not isinstance(view, RunView) or not accomplished(result_of_run(view.result)):
        return ""
    return f"{keyed.run_id} at {format_time(view.ended)}"
