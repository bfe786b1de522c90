"""A run's result for people."""

import json
from collections.abc import Iterator
from typing import Any

import click
from rich.markup import escape

from rota.checks.verdicts import checks_line
from rota.runs import AgentRunResult, RunStatus
from rota.usage import format_cost
from workers.cli.any_run import AnyView
from workers.cli.output import console, format_time, styled
from workers.cli.pipeline_report import print_pipeline
from workers.cli.pipeline_view import PipelineView
from workers.cli.run_view import RunView


def print_report(view: AnyView) -> None:
    """Print a run of either kind."""
    if isinstance(view, PipelineView):
        print_pipeline(view)
    else:
        print_run(view)


def print_run(view: RunView, output: Any = None) -> None:
    """Print the outcome line, the reason, what it covers, events and the output.

    `output` is the whole result where it was read from the store.
    """
    result = view.result
    output = result.output if output is None else output
    out = console()
    out.print(f"{styled(result.status.value)} · {view.summary}")
    if result.reason:
        out.print(f"reason: {escape(result.reason)}")
    if result.slot is not None:
        since = result.covers.start if result.covers else None
        covers = f", covers since {format_time(since)}" if since else ""
        out.print(f"slot {format_time(result.slot)}{covers}")
    if result.runtime:
        instead = f" (fallback {result.fallback})" if result.fallback else ""
        at = f" at {escape(result.provider)}" if result.provider else ""
        stopped = result.status is RunStatus.CANCELLED and at and not result.unstopped
        runtime = f"{escape(result.runtime)}{instead}{at}"
        out.print(f"runtime {runtime}" + (", has stopped" if stopped else ""))
    if len(result.by_model) > 1:
        out.print(f"models {', '.join(_models(result))}", markup=False)
    for line in _worth_a_look(result):
        out.print(line)
    for name, link in result.links.items():
        out.print(f"{escape(name)} {escape(link)}")
    for event in result.events:
        out.print(f"event {escape(event.name)} at {format_time(event.at)}")
    if output is not None:
        # Not through rich: a result is printed as it is, to be copied or piped.
        text = (
            output if isinstance(output, str) else json.dumps(output, indent=2, ensure_ascii=False)
        )
        click.echo(text)
    elif result.output_digest is not None:
        out.print(f"output: over 4 KiB, see 'rota show {result.run_id}'")


def _models(result: AgentRunResult) -> Iterator[str]:
    for model, use in result.by_model.items():
        unpriced = f" and {use.unpriced} unpriced" if use.unpriced else ""
        answers = f"{use.answers} answer{'' if use.answers == 1 else 's'}"
        yield f"{model} {format_cost(use.micros)}{unpriced} ({answers})"


def _worth_a_look(result: AgentRunResult) -> Iterator[str]:
    if result.checks:
        yield escape(checks_line(result.checks))
    if result.unstopped:
        yield f"may still work: {escape(result.unstopped)} (see 'rota doctor')"
    if result.untold:
        yield f"nobody could be told of it: {', '.join(result.untold)} (see 'rota notifications')"
    if result.tainted:
        yield "marked: it worked with what others may have written"
    for ruling in result.approvals:
        yield f"{escape(ruling.tool)}: {ruling.id} {escape(ruling.shown)}"
