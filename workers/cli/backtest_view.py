"""A backtest as people and programs read it."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from rich.markup import escape
from rich.text import Text

from rota.checks.json_changes import Change, JsonChange
from rota.usage import Usage, format_cost
from rota.what_if.backtest import BacktestProgress
from rota.what_if.compare import Comparison, Played, Totals, Verdict
from workers.cli.output import console, format_took, print_table, remark, table

STYLES = {
    Verdict.SAME: "green",
    Verdict.CHANGED: "yellow",
    Verdict.FAILED: "red",
    Verdict.MENDED: "cyan",
    Verdict.UNDECIDED: "magenta",
}
_CHANGES = 5
_SHOWN = 80


def document_of(
    id: str,
    progress: BacktestProgress,
    comparisons: Sequence[Comparison],
    total: Totals,
    over: Sequence[str],
    left_out: Mapping[str, str],
) -> dict[str, Any]:
    """The backtest as `--json` prints it, and as the report is made of it."""
    return {
        "id": id,
        "agent": progress.agent,
        "what": progress.what,
        "stopped": progress.stopped,
        "totals": {**total.model_dump(mode="json"), "cost_increase": total.cost_increase},
        "exceeded": list(over),
        "left_out": dict(left_out),
        "cases": [case.model_dump(mode="json") for case in comparisons],
    }


def print_backtest(
    document: Mapping[str, Any], comparisons: Sequence[Comparison], total: Totals
) -> None:
    """Print one row for each case, what differs below, and the sums."""
    right = ("TURNS", "TOOLS", "TOKENS", "COST", "TOOK")
    made = table("RUN", "VERDICT", *right, right=right)
    for case in comparisons:
        sides = (case.before, case.after)
        made.add_row(
            Text(case.run_id),
            Text(case.verdict.value, STYLES[case.verdict]),
            _beside(*(str(side.turns) for side in sides)),
            _beside(*(str(len(side.calls)) for side in sides)),
            _beside(*(f"{side.usage.tokens:,}" for side in sides)),
            _beside(*(_cost(side.usage) for side in sides)),
            _beside(*(_took(side) for side in sides)),
        )
    if comparisons:
        print_table(made)
    out = console()
    for case in comparisons:
        lines = details_of(case)
        if lines:
            out.print(f"[bold]{escape(case.run_id)}[/] {case.verdict.value}")
        for line in lines:
            out.print(f"  {escape(line)}")
    counted = [f"{count} {verdict.value}" for verdict, count in total.verdicts.items() if count]
    out.print(f"{total.cases} cases: {', '.join(counted) or 'none'}")
    grown = total.cost_increase
    by = "" if grown is None else f" ({grown:+.0%})"
    out.print(
        f"cost {_cost(total.before)} → {_cost(total.after)}{by}, turns {total.turns_before} → "
        f"{total.turns_after}; the backtest itself cost {_cost(total.spent)}"
    )
    if document["stopped"]:
        out.print(f"stopped before its end: {escape(document['stopped'])}")
    for run_id, reason in document["left_out"].items():
        remark(f"left out {run_id}: {reason}")


def details_of(case: Comparison) -> list[str]:
    """What differs, in lines for people; none of a case that is the same."""
    lines = [f"{case.after.status}: {case.after.reason}"] if case.after.reason else []
    shown = case.changes[:_CHANGES]
    lines += [f"result {_change(change)}" for change in shown]
    if len(case.changes) > len(shown):
        lines.append(f"result: {len(case.changes) - len(shown)} more changes")
    for effect in case.effects:
        verb = "asks for" if effect.new else "no longer asks for"
        lines.append(f"{verb} {effect.tool} {_short(effect.args)}")
    for name in case.checks:
        lines.append(f"check {name}: {case.before.checks[name]} → {case.after.checks[name]}")
    if case.memory_changed:
        lines.append("would remember something else")
    return lines


def _change(change: JsonChange) -> str:
    place = change.path or "as a whole"
    if change.change is Change.ADDED:
        return f"{place}: added {_short(change.after)}"
    if change.change is Change.REMOVED:
        return f"{place}: no longer {_short(change.before)}"
    return f"{place}: {_short(change.before)} → {_short(change.after)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _beside(before: str, after: str) -> Text:
    """What was, and below it what is, unless that is the same."""
    return Text(before if before == after else f"{before}\n{after}")


def _cost(usage: Usage) -> str:
    return format_cost(usage.cost_micros) + (" + unknown" if usage.unknown_attempts else "")


def _took(side: Played) -> str:
    return format_took(timedelta(seconds=side.seconds))
