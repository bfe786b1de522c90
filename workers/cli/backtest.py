"""`rota backtest`: past runs of an agent again, with another prompt, model or runtime."""

from decimal import Decimal, InvalidOperation
from pathlib import Path

import click

from rota.agent_spec import AgentSpec
from rota.runs import RunStatus
from rota.what_if.backtest import Unrecorded
from rota.what_if.compare import Share, Thresholds, exceeded, totals
from schedules.fleet import load_fleet
from workers.cli.backtest_run import Asked, Found, play
from workers.cli.backtest_view import document_of, print_backtest
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, server_options
from workers.cli.output import print_json, remark
from workers.cli.server import with_server
from workers.settings import Settings
from workers.what_if.backtest_report import write_report
from workers.what_if.variants import Variant, VariantError, read_runtime

_STATUSES = {
    "succeeded": (RunStatus.SUCCEEDED,),
    "failed": (RunStatus.FAILED, RunStatus.TIMED_OUT),
    "any": (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.TIMED_OUT),
}


def _share(ctx: click.Context, param: click.Parameter, value: str | None) -> Share | None:
    if value is None:
        return None
    if value.endswith("%"):
        return Share(percent=_read_percent(value))
    if not value.isdecimal():
        raise click.BadParameter(f"'{value}' is neither a number nor a percentage")
    return Share(count=int(value))


def _percent(ctx: click.Context, param: click.Parameter, value: str | None) -> Decimal | None:
    return None if value is None else _read_percent(value)


def _read_percent(value: str) -> Decimal:
    try:
        percent = Decimal(value.removesuffix("%"))
    except InvalidOperation:
        percent = Decimal("nan")
    if not percent.is_finite() or percent < 0:
        raise click.BadParameter(f"'{value}' is no percentage")
    return percent


def _runtime(ctx: click.Context, param: click.Parameter, value: str | None) -> object:
    if value is None:
        return None
    try:
        return read_runtime(Path(value[1:]).read_text() if value.startswith("@") else value)
    except (VariantError, OSError) as error:
        raise click.BadParameter(str(error)) from error


@command(
    "backtest",
    example=(
        "rota backtest report --last 20 --model claude-haiku-4-5 -o report.html",
        "rota backtest report --instructions prompts/report.md --max-changed 10% --json",
        "rota backtest report --declared --usd 2 --unrecorded ask",
    ),
    json="{id, agent, what, stopped, totals: {cases, verdicts, before, after, spent, turns_before, "
    "turns_after, seconds_before, seconds_after, cost_increase}, exceeded: [text], left_out: "
    "{run: why}, cases: [{run_id, verdict, before, after, changes: [{path, change, before, "
    "after}], effects: [{tool, args, new}], memory_changed, sources, unrecorded}]}",
)
@server_options
@click.argument("agent")
@click.option("--last", default=20, show_default=True, type=click.IntRange(1, 200), help="Runs.")
@click.option("--run", "run_ids", multiple=True, metavar="RUN", help="This run; may be repeated.")
@click.option("--status", default="succeeded", show_default=True, type=click.Choice([*_STATUSES]))
@click.option("--model", help="Ask this model.")
@click.option(
    "--instructions", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE"
)
@click.option("--runtime", callback=_runtime, metavar="KIND|YAML|@FILE", help="Ask this runtime.")
@click.option("--declared", is_flag=True, help="The agent as the files of --fleet declare it now.")
@click.option(
    "--unrecorded",
    default=Unrecorded.FAIL.value,
    show_default=True,
    type=click.Choice([each.value for each in Unrecorded]),
    help="What becomes of a call that the past run never made; 'ask' makes it if it only reads.",
)
@click.option("--parallel", default=4, show_default=True, type=click.IntRange(1, 50))
@click.option("--usd", default=1.0, show_default=True, type=click.FloatRange(0.000001))
@click.option("--tokens", type=click.IntRange(1), help="The backtest may use at most so many.")
@click.option("--attach", metavar="ID", help="Wait for one that was started before, and show it.")
@click.option("--max-changed", callback=_share, metavar="N|N%", help="More not the same: exit 1.")
@click.option("--max-failed", callback=_share, metavar="N|N%", help="More that fail: exit 1.")
@click.option("--max-cost-increase", callback=_percent, metavar="N%", help="More: exit 1.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="HTML")
def backtest_command(
    settings: Settings,
    agent: str,
    last: int,
    run_ids: tuple[str, ...],
    status: str,
    model: str | None,
    instructions: Path | None,
    runtime: dict[str, object] | None,
    declared: bool,
    unrecorded: str,
    parallel: int,
    usd: float,
    tokens: int | None,
    attach: str | None,
    max_changed: Share | None,
    max_failed: Share | None,
    max_cost_increase: Decimal | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Run past runs of an agent again, and compare results, effects, turns and costs.

    Each begins with what the past run began with, and reads what that one read: effects never
    happen, and nothing of it reaches the agent's memory, slots or accounts. It runs on a worker,
    which has the credentials, and spends at most --usd there. Without --model, --instructions,
    --runtime or --declared the same is tried again. Ctrl-C ends it, and shows what there is.
    """
    variant = Variant(
        model=model,
        instructions=instructions.read_text() if instructions else None,
        runtime=runtime,
        declared=_declared(settings.fleet, agent) if declared else None,
    )
    most = Thresholds(changed=max_changed, failed=max_failed, cost_increase=max_cost_increase)
    asked = Asked(
        agent=agent,
        last=last,
        run_ids=run_ids,
        statuses=_STATUSES[status],
        variant=variant,
        unrecorded=Unrecorded(unrecorded),
        parallel=parallel,
        usd=usd,
        tokens=tokens,
        attach=attach,
    )
    found = Found()
    interrupted = False
    try:
        with_server(settings, lambda link: play(link, asked, found))
    except VariantError as error:
        raise CommandError(str(error), ExitCode.WRONG) from error
    except KeyboardInterrupt:
        if found.progress is None:
            raise
        interrupted = True
    progress = found.progress
    if progress is None:
        raise CommandError(_no_runs(agent, found.chosen.left_out), ExitCode.NOT_FOUND)
    total = totals(found.comparisons, progress.usage)
    over = exceeded(total, most)
    document = document_of(
        found.id, progress, found.comparisons, total, over, found.chosen.left_out
    )
    if output is not None:
        write_report(output, document)
        remark(f"wrote {output}")
    print_json(document) if as_json else print_backtest(document, found.comparisons, total)
    for line in over:
        remark(line)
    if interrupted:
        raise CommandError(f"stopped: {progress.stopped or found.id}", ExitCode.INTERRUPTED)
    if over or progress.stopped:
        raise click.exceptions.Exit(ExitCode.FAILED)


def _declared(folder: Path, agent: str) -> AgentSpec:
    found = load_fleet(folder).agents.get(agent)
    if found is None:
        raise CommandError(f"{folder} declares no agent '{agent}'", ExitCode.NOT_FOUND)
    return found.spec


def _no_runs(agent: str, left_out: dict[str, str]) -> str:
    text = f"no past runs of {agent} to try it with"
    if not left_out:
        return text
    newest, why = next(iter(left_out.items()))
    return f"{text}: {len(left_out)} were left out, {newest} since {why}"
