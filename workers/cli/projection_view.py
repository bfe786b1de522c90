"""What a fleet is going to cost a month, as `rota plan` tells it."""

from rota.budgets.projection import FleetProjection, Projection
from rota.usage import format_cost
from workers.cli.output import console


def show_projection(projection: FleetProjection) -> None:
    """Print a line for each schedule, then the sum; nothing if there are no schedules."""
    if not projection.schedules:
        return
    out = console()
    out.print("cost a month, if runs cost what half, and nineteen of twenty, of the newest did:")
    for each in projection.schedules:
        out.print(f"    {_line(each)}", markup=False)
    low, high = format_cost(projection.p50_micros), format_cost(projection.p95_micros)
    without = f", without {', '.join(projection.without)}" if projection.without else ""
    out.print(f"    together: {low} to {high}{without}", markup=False)


def _line(each: Projection) -> str:
    fires = f"{each.fires:,.1f}".removesuffix(".0")
    often = f"{fires} runs" if each.fires else "no runs, paused or at an end"
    if each.missing:
        return f"{each.name}: {each.missing} ({often})"
    told = [often, f"{each.runs} on record"]
    if each.unpriced_runs:
        told.append(f"{each.unpriced_runs} of those unpriced and not counted")
    if each.unknown_micros:
        told.append(f"{format_cost(each.unknown_micros)} of those unknown and not counted")
    figures = f"{format_cost(each.p50_micros)} to {format_cost(each.p95_micros)}"
    return f"{each.name}: {figures} ({', '.join(told)})"
