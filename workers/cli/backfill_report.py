"""A backfill for people: its plan, and what became of each slot."""

from collections import Counter
from typing import Any

from rich.text import Text

from rota.ids import format_slot
from workers.cli.backfill_progress import Asked, Carried
from workers.cli.output import print_table, remark, styled, table


def plan_document(asked: Asked) -> dict[str, Any]:
    """The plan as `--json` prints it."""
    return {
        "agent": asked.name,
        "backfill": asked.running.model_dump(mode="json") if asked.running else None,
        "planned": [each.document for each in asked.planned],
        "slots": [],
    }


def print_plan(asked: Asked) -> None:
    """Print each slot with what is known of it and whether it would run."""
    if not asked.planned:
        remark(f"the schedule of {asked.name} has no slot in that time")
        return
    made = table("SLOT", "VERDICT", "WHY")
    for each in asked.planned:
        verdict = Text("run", "cyan") if each.run else Text("skip", "dim")
        made.add_row(format_slot(each.slot), verdict, Text(each.reason))
    print_table(made)
    runs = sum(each.run for each in asked.planned)
    left = Counter(each.finding.value for each in asked.planned if not each.run)
    because = ", ".join(f"{count} {finding}" for finding, count in left.items())
    because = f"; left out: {because}" if left else ""
    remark(f"{runs} of {len(asked.planned)} slots to run{because}")


def print_carried(carried: Carried) -> None:
    """Print what became of each slot, then the counts."""
    made = table("SLOT", "STATUS", "RUN")
    for each in carried.slots:
        status = Text.from_markup(styled(each.status.value)) if each.status else Text("ordered")
        run = Text(each.run_id)
        if each.reason:
            run.append(f"\n{each.reason}", "dim")
        made.add_row(format_slot(each.slot), status, run)
    print_table(made)
    backfill = carried.backfill
    counts = (
        f"{backfill.succeeded} succeeded",
        f"{backfill.failed} failed",
        f"{backfill.skipped} skipped",
    )
    left = backfill.total - backfill.done
    remark(", ".join(counts) + (f", {left} to come" if left else ""))
