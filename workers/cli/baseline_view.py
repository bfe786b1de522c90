"""How `rota baseline` shows results, what was said of them, and what has changed."""

import json
from typing import Any

from rich.text import Text

from rota.checks.baseline import BaselineState, Judgement
from rota.checks.json_changes import Change, JsonChange
from workers.cli.output import format_time, print_table, remark, table

_STYLES = {Change.ADDED: "green", Change.REMOVED: "red", Change.CHANGED: "yellow"}


def judged_line(judged: Judgement) -> str:
    """A result and what was said of it, in one line."""
    note = f": {judged.note}" if judged.note else ""
    said = f"{judged.word} by {judged.by} at {format_time(judged.at)}{note}"
    return f"{judged.digest[:12]} of {judged.run.id}, {said}"


def remark_standing(agent: str, session: str, baseline: BaselineState) -> None:
    """Say beside the answer what is accepted, what was rejected and what waits."""
    accepted, rejected, candidate = baseline.accepted, baseline.rejected, baseline.candidate
    line = judged_line(accepted) if accepted else "nothing was accepted yet"
    remark(f"session '{session}': {line}")
    if rejected is not None:
        remark(judged_line(rejected))
    if candidate is not None:
        remark(
            f"candidate: {candidate.digest[:12]} of {candidate.run.id}; 'rota baseline diff "
            f"{agent}' compares it, 'rota baseline accept {agent}' accepts it"
        )


def print_changes(changes: list[JsonChange]) -> None:
    """Print what differs, one value a row."""
    if not changes:
        remark("nothing differs")
        return
    made = table("CHANGE", "WHERE", "BASELINE", "CANDIDATE")
    for each in changes:
        before = "-" if each.change is Change.ADDED else _text(each.before)
        after = "-" if each.change is Change.REMOVED else _text(each.after)
        row = Text(each.change, _STYLES[each.change]), Text(each.path or "-")
        made.add_row(*row, Text(before), Text(after))
    print_table(made)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
