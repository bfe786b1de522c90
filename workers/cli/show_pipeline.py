"""`rota show` of a pipeline's run: every node, its run, and how long that took."""

from dataclasses import dataclass
from typing import Any

from rich.markup import escape

from rota.truths import Truths
from workers.cli.links import run_link
from workers.cli.output import console
from workers.cli.pipeline_report import print_pipeline
from workers.cli.pipeline_view import PipelineView, with_times
from workers.cli.server import Link


@dataclass(frozen=True)
class ShownPipeline:
    """One run of a pipeline, whole."""

    view: PipelineView
    link: str
    truths: Truths

    @property
    def document(self) -> dict[str, Any]:
        """The run as `--json` prints it."""
        truths = self.truths.model_dump(mode="json")
        return {**self.view.document, "link": self.link, "truths": truths}

    def print(self, *, full: bool) -> None:
        """Print it for people."""
        result, out = self.view.result, console()
        of = f"pipeline {escape(result.pipeline)}" if result.pipeline else "no pipeline"
        head = f"[bold]{escape(result.run_id)}[/] · {of}"
        out.print(f"{head} · {result.trigger.value}")
        if result.lineage is not None:
            out.print(escape(result.lineage.cause))
        print_pipeline(self.view, full=full)
        out.print(f"truths: {self.truths.line}")
        out.print(self.link, markup=False)


async def read_pipeline(link: Link, view: PipelineView, truths: Truths) -> ShownPipeline:
    """Add to a run what the lists know of its nodes' runs."""
    timed = await with_times(link.client, view)
    return ShownPipeline(timed, run_link(link, view.result.run_id), truths)
