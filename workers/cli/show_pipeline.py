"""`rota show` of a pipeline's run: every node, its run, and how long that took."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from rich.markup import escape

from workers.cli.links import run_link
from workers.cli.output import console
from workers.cli.pipeline_report import print_pipeline
from workers.cli.pipeline_view import PipelineView
from workers.cli.run_view import RUN_TYPE, view_of
from workers.cli.server import Link

MOST_TIMES = 1000
"""Runs of nodes whose times are looked up: one page of a list."""


@dataclass(frozen=True)
class ShownPipeline:
    """One run of a pipeline, whole."""

    view: PipelineView
    took: Mapping[str, timedelta]
    """By workflow id, how long a node's run took."""
    link: str

    @property
    def document(self) -> dict[str, Any]:
        """The run as `--json` prints it."""
        return {**self.view.document, "link": self.link}

    def print(self, *, full: bool) -> None:
        """Print it for people."""
        result, out = self.view.result, console()
        of = f"pipeline {escape(result.pipeline)}" if result.pipeline else "no pipeline"
        head = f"[bold]{escape(result.run_id)}[/] · {of}"
        out.print(f"{head} · {result.trigger.value}")
        if result.lineage is not None:
            out.print(escape(result.lineage.cause))
        print_pipeline(self.view, self.took, full=full)
        out.print(self.link, markup=False)


async def read_pipeline(link: Link, view: PipelineView) -> ShownPipeline:
    """Add to a run what the lists know of its nodes' runs."""
    run_id = view.result.run_id
    query = f"WorkflowType = '{RUN_TYPE}' AND ParentWorkflowId = '{run_id.replace(chr(39), '')}'"
    took: dict[str, timedelta] = {}
    async for execution in link.client.list_workflows(query, limit=MOST_TIMES):
        node = await view_of(execution)
        took.setdefault(execution.id, node.took)
    return ShownPipeline(view, took, run_link(link, run_id))
