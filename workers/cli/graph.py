"""`rota graph`: how a pipeline, or a whole fleet, hangs together."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.markup import escape
from temporalio.client import Client

from schedules.explain import suggest
from schedules.fleet import Fleet, load_fleet
from workers.cli.any_run import describe_run, is_pipeline
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, server_options
from workers.cli.output import console, print_json, remark, styled
from workers.cli.pipeline_view import PipelineView, newest_pipeline_run, pipeline_view
from workers.cli.run_view import RUN_TYPE, view_of
from workers.cli.server import Link, with_server
from workers.connection import UnreachableError
from workers.picture.graph import Graph
from workers.picture.mermaid import mermaid
from workers.picture.of_fleet import fleet_graph
from workers.picture.of_pipeline import pipeline_graph
from workers.picture.tree import tree_lines
from workers.settings import Settings

FORMATS = ("text", "mermaid", "svg", "png")
_SUFFIXES = {".txt": "text", ".mmd": "mermaid", ".md": "mermaid", ".svg": "svg", ".png": "png"}

Answer = TypeVar("Answer")


@command(
    "graph",
    example=(
        "rota graph morning-report",
        "rota graph morning-report --run morning-report-2026-11-23T05:00:00Z",
        "rota graph --output fleet.svg",
    ),
    json="{title, subtitle, vertices: [{id, label, kind, notes, status}], edges: [{source, "
    "target, label, dashed}]}",
)
@server_options
@click.argument("pipeline", required=False)
@click.option("--run", "run_id", help="Show how this run of the pipeline went. Default: newest.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="Default: by --output, or text.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file: .svg, .png, .mmd, .txt.",
)
@click.option("--offline", is_flag=True, help="Do not ask the server how it last went.")
def graph_command(
    settings: Settings,
    pipeline: str | None,
    run_id: str | None,
    form: str | None,
    output: Path | None,
    offline: bool,
    as_json: bool,
) -> None:
    """Show how a pipeline or a fleet hangs together; also as a picture.

    Nodes, gates, topics, and how each last went. The shape comes from the fleet's files, the
    statuses from the server, if one answers.
    """
    if run_id is not None and (pipeline is None or offline):
        raise click.UsageError("--run needs the name of its pipeline, and a server")
    chosen = _format(form, output)
    if chosen == "png" and output is None:
        raise click.UsageError("PNG is no text: give --output FILE.png")
    fleet = load_fleet(settings.fleet)
    if pipeline is not None and pipeline not in fleet.pipelines:
        hint = suggest(pipeline, list(fleet.pipelines))
        raise CommandError(
            f"no pipeline '{pipeline}' in {settings.fleet}; {hint}", ExitCode.NOT_FOUND
        )
    graph = _graph(settings, fleet, pipeline, run_id, offline)
    if as_json:
        print_json(_document(graph))
    elif output is None and chosen == "text":
        for line in tree_lines(graph, lambda status: f"\0{status}\0"):
            console().print(_marked_up(line))
    else:
        _write(graph, chosen, output)


def _graph(
    settings: Settings, fleet: Fleet, pipeline: str | None, run_id: str | None, offline: bool
) -> Graph:
    if pipeline is None:
        statuses = {} if offline else _ask(settings, run_id, lambda link: _newest(link, fleet))
        return fleet_graph(fleet, statuses or {})

    async def last(link: Link) -> PipelineView | None:
        if run_id is not None:
            return await _run_of(link.client, run_id, pipeline)
        return await newest_pipeline_run(link.client, pipeline)

    view = None if offline else _ask(settings, run_id, last)
    if view is not None:
        remark(f"as of {view.result.run_id}, {view.result.status}")
    ends = view.result.nodes if view else None
    return pipeline_graph(fleet.pipelines[pipeline].spec, ends)


async def _run_of(client: Client, run_id: str, pipeline: str) -> PipelineView:
    found = await describe_run(client, run_id)
    if not is_pipeline(found):
        raise CommandError(f"'{run_id}' is the run of an agent", ExitCode.NOT_FOUND)
    view = await pipeline_view(client, found)
    if view.result.pipeline not in ("", pipeline):
        raise CommandError(
            f"'{run_id}' is a run of {view.result.pipeline}, not of {pipeline}", ExitCode.NOT_FOUND
        )
    return view


async def _newest(link: Link, fleet: Fleet) -> dict[str, str]:
    async def status(name: str) -> tuple[str, str]:
        if name in fleet.pipelines:
            view = await newest_pipeline_run(link.client, name)
            return name, view.result.status.value if view else ""
        query = f"WorkflowType = '{RUN_TYPE}' AND RotaAgent = '{name}'"
        async for execution in link.client.list_workflows(query, limit=1):
            return name, (await view_of(execution)).result.status.value
        return name, ""

    return dict(await asyncio.gather(*map(status, fleet.declarations)))


def _ask(
    settings: Settings, run_id: str | None, work: Callable[[Link], Awaitable[Answer]]
) -> Answer | None:
    """Ask the server; without one the picture is still worth having, unless a run is named."""
    try:
        return with_server(settings, work)
    except UnreachableError as error:
        if run_id is not None:
            raise
        remark(f"without statuses: {error}")
        return None


def _format(form: str | None, output: Path | None) -> str:
    if form is not None:
        return form
    if output is None:
        return "text"
    if output.suffix not in _SUFFIXES:
        raise click.UsageError(
            f"'{output}' names no format: end it in {', '.join(_SUFFIXES)}, or give --format"
        )
    return _SUFFIXES[output.suffix]


def _write(graph: Graph, form: str, output: Path | None) -> None:
    data = _encoded(graph, form)
    if output is None:
        click.echo(data.decode(), nl=False)
        return
    try:
        output.write_bytes(data)
    except OSError as error:
        raise CommandError(f"cannot write {output}: {error.strerror}") from error
    remark(f"wrote {output}")


def _encoded(graph: Graph, form: str) -> bytes:
    if form == "text":
        return ("\n".join(tree_lines(graph)) + "\n").encode()
    if form == "mermaid":
        return mermaid(graph).encode()
    # Only pictures need these: Pillow takes a tenth of a second to import.
    from workers.picture.layout import layout  # noqa: PLC0415
    from workers.picture.png import TooLargeError, png  # noqa: PLC0415
    from workers.picture.svg import svg  # noqa: PLC0415

    drawing = layout(graph)
    if form == "svg":
        return svg(drawing).encode()
    try:
        return png(drawing)
    except TooLargeError as error:
        raise CommandError(str(error)) from error


def _marked_up(line: str) -> str:
    return re.sub("\0(.*?)\0", lambda status: styled(status[1]), escape(line))


def _document(graph: Graph) -> dict[str, Any]:
    return {
        "title": graph.title,
        "subtitle": graph.subtitle,
        "vertices": [asdict(vertex) for vertex in graph.vertices],
        "edges": [asdict(edge) for edge in graph.edges],
    }
