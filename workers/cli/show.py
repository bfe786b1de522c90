"""`rota show`: one run whole, from the server and the store."""

import json
from dataclasses import dataclass
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from activities.documents import get_json, get_transcript
from activities.stores.base import StoreError
from rota.conversation import Text, ToolCall, ToolResult
from rota.coordination.lineage import Lineage
from rota.notices.receipts import Receipt
from rota.runs import RunStatus
from rota.truths import Truths
from rota.turns.transcript import TranscriptNode
from rota.usage import format_cost
from workers.cli.any_run import current_view, describe_run, final_view
from workers.cli.links import run_link
from workers.cli.options import command, server_options
from workers.cli.output import console, print_json
from workers.cli.pending import progress_of
from workers.cli.pipeline_view import PipelineView
from workers.cli.progress import told_status
from workers.cli.report import print_run
from workers.cli.run_view import RunView
from workers.cli.server import Link, with_server
from workers.cli.show_pipeline import ShownPipeline, read_pipeline
from workers.cli.steps import StepLine, steps_of
from workers.cli.truths import first_run_id, read_truths
from workers.settings import Settings

_SHOWN = 300
"""Characters of a text, of arguments or of a result; `--full` shows all."""


@dataclass(frozen=True)
class _Shown:
    view: RunView
    output: Any
    waits: list[str]
    """What a run in progress waits for, as it tells itself."""
    doing: list[str]
    """What is heard of its work at this moment."""
    turns: list[TranscriptNode]
    steps: list[StepLine]
    link: str
    note: str
    """Why the transcript or the output is missing; empty if neither is."""
    truths: Truths
    receipts: list[Receipt]
    """What the channels say that are told of its end."""


@command(
    "show",
    example=("rota show report-2026-11-22T06:00:00Z", "rota show RUN --full --json"),
    json="the run as in 'rota runs', with output, waiting_for, progress, turns: [{turn, model, "
    "stop, said, calls, results, usage, prices, table_micros, sums_up}], steps: [{at, text}], "
    "link, note, truths: {fired, admitted, executed, verified, announced: {state, at}}, told: "
    "[{channel, told, at, reason}]; of a pipeline with nodes: {name: {status, reason, run_id, "
    "attempts, output, items, …}}, link, truths",
)
@server_options
@click.argument("run_id", metavar="RUN")
@click.option("--full", is_flag=True, help="Cut nothing short.")
@click.option("--steps", is_flag=True, help="Also list the steps with their times.")
def show_command(settings: Settings, run_id: str, full: bool, steps: bool, as_json: bool) -> None:
    """Show one run whole: result, events, transcript.

    The result comes from the server and works without a worker; what was said and done comes
    from the store. Of a pipeline's run: every node, with its run.
    """
    shown = with_server(settings, lambda link: _read(link, run_id))
    if isinstance(shown, ShownPipeline):
        print_json(shown.document) if as_json else shown.print(full=full)
        return
    if as_json:
        turns = [_turn_document(node) for node in shown.turns]
        listed = [step.document for step in shown.steps]
        print_json(
            {
                **shown.view.document,
                "output": shown.output,
                "waiting_for": shown.waits,
                "progress": shown.doing,
                "turns": turns,
                "steps": listed,
                "link": shown.link,
                "note": shown.note,
                "truths": shown.truths.model_dump(mode="json"),
                "told": [each.model_dump(mode="json") for each in shown.receipts],
            }
        )
        return
    _print(shown, full, steps)


async def _read(link: Link, run_id: str) -> _Shown | ShownPipeline:
    described = await describe_run(link.client, run_id)
    handle = link.client.get_workflow_handle(run_id)
    view = await current_view(link.client, described)
    waits: list[str] = []
    doing: list[str] = []
    if view.ended is not None:
        view = await final_view(link.client, handle)
    elif isinstance(view, RunView):
        if view.result.status is RunStatus.RUNNING:
            doing = await progress_of(described)
        if (status := await told_status(handle)) is not None:
            view, waits = view.as_told(status), _waits(status)
    key, queue = first_run_id(described), described.task_queue
    truths, receipts = await read_truths(link, view, key, queue)
    if isinstance(view, PipelineView):
        return await read_pipeline(link, view, truths)
    result, note = view.result, ""
    turns: list[TranscriptNode] = []
    output = result.output
    try:
        turns = await get_transcript(link.store, result.transcript)
        if output is None and result.output_digest is not None:
            output = await get_json(link.store, result.output_digest)
    except StoreError as error:
        note = f"{error}; is {link.store.address} the workers' store? Name it with --store"
    steps = [step async for step in steps_of(link.client, run_id, wait=False)]
    page = run_link(link, run_id)
    return _Shown(view, output, waits, doing, turns, steps, page, note, truths, receipts)


def _waits(status: dict[str, Any]) -> list[str]:
    """What a run waits for; a tool of which people are asked is named by the question alone."""
    asking = {each["question"]["asker"] for each in status["questions"]}
    asking |= {each["tool"] for each in status.get("effects", ())}
    return [text for text in status["waiting_for"] if text not in asking]


def _print(shown: _Shown, full: bool, steps: bool) -> None:
    out = console()
    result = shown.view.result
    agent = f"agent {result.agent}" if result.agent else "no agent"
    out.print(f"[bold]{escape(result.run_id)}[/] · {agent} · {result.trigger.value}")
    if result.lineage is not None:
        out.print(escape(_place(result.lineage, result.run_id)))
    print_run(shown.view, shown.output)
    out.print(f"truths: {shown.truths.line}")
    for receipt in shown.receipts:
        out.print(escape(receipt.line))
    for text in shown.doing:
        out.print(f"at work: {escape(text)}")
    for wait in shown.waits:
        out.print(f"waits for: {escape(wait)}")
    if any(wait.startswith("answer to ") for wait in shown.waits):
        out.print(f"'rota answer {escape(result.run_id)}' shows and answers what it asks")
    if any(wait.startswith("effect ") for wait in shown.waits):
        out.print("look, then 'rota effects resolve ID happened|did-not' says what you have found")
    if shown.note:
        out.print(f"note: {escape(shown.note)}")
    for node in shown.turns:
        _print_turn(out, node, full)
    for step in shown.steps if steps else ():
        out.print(f"[dim]{step.at:%H:%M:%S.%f}[/] {escape(step.text)}")
    out.print(f"session {escape(result.session or '-')}, memory {(result.memory or '-')[:12]}")
    out.print(shown.link, markup=False)


def _place(lineage: Lineage, run_id: str) -> str:
    """`node email of morning-report-2026-11-23T05:00:00Z`, and where everything began."""
    text = f"called by {lineage.parent}" if lineage.agents else lineage.cause
    return text if lineage.root in (lineage.parent, run_id) else f"{text}, below {lineage.root}"


def _print_turn(out: Console, node: TranscriptNode, full: bool) -> None:
    def cut(text: str) -> str:
        text = " ".join(text.split()) if not full else text
        return escape(text if full or len(text) <= _SHOWN else f"{text[:_SHOWN]}…")

    results = [block for message in node.added for block in message.content]
    for block in results:
        if isinstance(block, ToolResult):
            mark = "[red]✗[/]" if block.is_error else "→"
            out.print(f"  {mark} {cut(block.content)}")
        elif isinstance(block, Text):
            whom = "given to the session" if node.session else "said to the model"
            out.print(f"[dim]{whom}:[/] {cut(block.text)}")
    label = "summary of the conversation before" if node.sums_up else f"turn {node.turn}"
    out.print(
        f"[bold]{label}[/] · {escape(node.model)} · {node.usage.tokens:,} tokens, "
        f"{_cost(node)} · {node.stop.value}"
    )
    for block in node.reply.content:
        if isinstance(block, Text) and block.text.strip():
            out.print(f"  {cut(block.text)}")
        elif isinstance(block, ToolCall):
            arguments = json.dumps(block.args, ensure_ascii=False)
            out.print(f"  [cyan]{escape(block.name)}[/] {cut(arguments)}")


def _cost(node: TranscriptNode) -> str:
    """What the turn cost; beside a provider's own word what the price table says."""
    cost = format_cost(node.usage.cost_micros)
    if node.table_micros is None:
        reported = node.prices.startswith("reported by")
        return f"{cost} {escape(node.prices)}" if reported else cost
    return f"{cost} {escape(node.prices)} (price table: {format_cost(node.table_micros)})"


def _turn_document(node: TranscriptNode) -> dict[str, Any]:
    blocks = [block for message in node.added for block in message.content]
    return {
        "turn": node.turn,
        "model": node.model,
        "stop": node.stop.value,
        "said": node.reply.text,
        "calls": [
            {"id": call.id, "name": call.name, "args": call.args} for call in node.reply.tool_calls
        ],
        "results": [
            {"call_id": block.call_id, "content": block.content, "is_error": block.is_error}
            for block in blocks
            if isinstance(block, ToolResult)
        ],
        "usage": node.usage.model_dump(mode="json"),
        "prices": node.prices,
        "table_micros": node.table_micros,
        "sums_up": node.sums_up,
    }
