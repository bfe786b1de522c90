"""The demo's table of runs."""

from datetime import datetime

from rich.table import Table

from rota.runs import Covers
from rota.usage import format_cost
from workers.cli.output import styled, table
from workers.demo.runs import RunRow


def runs_table(rows: list[RunRow], *, scripted: bool) -> Table:
    """Slot, covers, turns, tools, tokens, cost and status of each run, oldest first."""
    numbers = ("turns", "tools", "tokens", "cost")
    made = table("slot (UTC)", "covers from", "status", *numbers, right=numbers)
    for row in rows:
        result = row.result
        slot = _clock(row.slot)
        if result is None:
            made.add_row(slot, "", f"[cyan]{row.doing}[/]", "", "", "", "")
            continue
        cost = "scripted" if scripted else format_cost(result.usage.cost_micros)
        made.add_row(
            slot,
            _covers(result.covers),
            styled(result.status.value),
            str(result.turns),
            str(result.tool_calls),
            f"{result.usage.tokens:,}",
            cost,
        )
    return made


def _clock(at: datetime | None) -> str:
    return at.strftime("%H:%M:%S") if at else "-"


def _covers(covers: Covers | None) -> str:
    if covers is None:
        return "-"
    return _clock(covers.start) if covers.start else "the beginning"
