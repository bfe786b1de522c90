"""A pipeline's run for people: its outcome, and what became of every node."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

from rich.markup import escape
from rich.text import Text

from rota.pipelines.run import NodeResult
from rota.runs import RunStatus
from workers.cli.output import console, format_time, format_took, print_table, styled, table
from workers.cli.pipeline_view import PipelineView


def print_pipeline(view: PipelineView, *, full: bool = False) -> None:
    """Print the outcome line, the reason, the slot, events and the nodes.

    Args:
        view: The run.
        full: Also list the items of a node that succeeded.
    """
    result, out = view.result, console()
    out.print(f"{styled(result.status.value)} · {view.summary}")
    if result.reason:
        word = "reason" if result.status.closed else "waits for"
        out.print(f"{word}: {escape(result.reason)}")
    if result.slot is not None:
        out.print(f"slot {format_time(result.slot)}")
    if result.untold:
        out.print(f"nobody could be told of it: {', '.join(result.untold)}")
    for event in result.events:
        out.print(f"event {escape(event.name)} at {format_time(event.at)}")
    if not result.nodes:
        return
    made = table("NODE", "STATUS", "ATTEMPTS", "TOOK", "RUN", right=("ATTEMPTS", "TOOK"))
    for name, node in result.nodes.items():
        made.add_row(*_cells(name, node, view.times))
        for number, item in enumerate(node.items or ()):
            if full or item.status is not RunStatus.SUCCEEDED:
                made.add_row(*_cells(f"  {name}/{number}", item, view.times))
    print_table(made)


def describe_node(node: NodeResult) -> str:
    """`failed: no answer in time`, `running, 3 of 8 items ended`, `succeeded, kept`."""
    text = node.status.value
    if node.items:
        # Its attempts are those of all items together: no number of tries.
        ended = sum(item.status.closed for item in node.items)
        text += f", {ended} of {len(node.items)} items ended"
    elif node.attempts > 1:
        text += f", attempt {node.attempts}"
    if node.kept:
        text += ", kept"
    return text + (f": {node.reason}" if node.reason else "")


def _cells(name: str, node: NodeResult, took: Mapping[str, timedelta]) -> tuple[Text, ...]:
    status = Text.from_markup(styled(node.status.value))
    if node.kept:
        status.append(" (kept)", "dim")
    run = Text(node.run_id)
    if node.items:
        counts = Counter(item.status for item in node.items)
        told = ", ".join(f"{counts[each]} {each}" for each in RunStatus if counts[each])
        run.append(f"{len(node.items)} items: {told}")
    if node.reason:
        run.append("\n" if run else "").append(node.reason, "dim")
    attempts = str(node.attempts) if node.attempts else "-"
    return Text(name), status, Text(attempts), Text(format_took(took.get(node.run_id))), run
