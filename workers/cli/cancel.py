"""`rota cancel`: ask a run to end, and see that it does."""

import asyncio

import click

from rota.runs import RunStatus
from workers.cli.any_run import AnyView, describe_run, final_view, listed_view
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, server_options
from workers.cli.output import print_json, remark
from workers.cli.progress import no_worker, no_worker_remark
from workers.cli.report import print_report
from workers.cli.server import Link, with_server
from workers.settings import Settings


@command(
    "cancel",
    example="rota cancel report-2026-11-22T06:00:00Z",
    json="the run as in 'rota runs'",
)
@server_options
@click.argument("run_id", metavar="RUN")
@click.option("--timeout", default=60.0, show_default=True, help="Seconds to wait for the end.")
def cancel_command(settings: Settings, run_id: str, timeout: float, as_json: bool) -> None:
    """Cancel a run and wait until it has ended.

    The run settles: its session is free for the next one, its memory stays as it was. With a
    pipeline's run the nodes at work end, too. Ends with 1 if the run had ended before, or
    ended otherwise.
    """
    view = with_server(settings, lambda link: _cancel(link, run_id, timeout))
    print_json(view.document) if as_json else print_report(view)
    if view.result.status is not RunStatus.CANCELLED:
        raise CommandError(f"{run_id} was not cancelled: it ended as {view.result.status.value}")


async def _cancel(link: Link, run_id: str, timeout: float) -> AnyView:
    before = await listed_view(await describe_run(link.client, run_id))
    if before.ended is not None:
        raise CommandError(f"{run_id} has ended already: {before.result.status.value}")
    handle = link.client.get_workflow_handle(run_id)
    await handle.cancel()
    if await no_worker(link):
        remark(no_worker_remark(link))
    try:
        async with asyncio.timeout(timeout):
            return await final_view(link.client, handle)
    except TimeoutError:
        raise CommandError(
            f"{run_id} was asked to end and has not within {timeout:.0f} s: 'rota watch {run_id}' "
            "shows what it does; is a worker running?",
            ExitCode.NO_SERVER,
        ) from None
