"""Wait for a run that a command has started, showing how it goes on."""

import asyncio
from typing import Any

from temporalio.client import WorkflowHandle

from workers.cli.any_run import AnyView, final_view
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.progress import show_progress, show_steps
from workers.cli.server import Link


async def wait_for(link: Link, handle: WorkflowHandle[Any, Any], *, follow: bool) -> AnyView:
    """Return a run's end; until then show each step, or one line that changes."""
    shown = show_steps(link, handle.id) if follow else show_progress(link, handle)
    progress = asyncio.ensure_future(shown)
    try:
        return await final_view(link.client, handle)
    finally:
        if follow and not asyncio.current_task().cancelling():  # pyright: ignore[reportOptionalMemberAccess]
            await asyncio.wait({progress}, timeout=5)
        progress.cancel()
        await asyncio.gather(progress, return_exceptions=True)


def detached(run_id: str, doing: str = "waiting") -> CommandError:
    """What Ctrl-C while waiting means."""
    return CommandError(
        f"no longer {doing}; {run_id} goes on: 'rota watch {run_id}' follows it, "
        f"'rota cancel {run_id}' ends it",
        ExitCode.INTERRUPTED,
    )
