"""The lists of a run as CSV, for people with a spreadsheet. Pure.

Cells that a spreadsheet would take for a formula are given an apostrophe: what is in them was
written by models and strangers.
"""

import csv
import io
from collections.abc import Iterable, Iterator

from rota.audit.run_record import RunRecord
from workers.audit import report_tables

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
CALLS = ("turn", "tool", "state", "began", "ended", "arguments", "result")


def sheets(record: RunRecord) -> dict[str, bytes]:
    """Return the files by name; a list with nothing in it is left out."""
    lists = {
        "calls.csv": (CALLS, list(_calls(record))),
        "approvals.csv": (report_tables.APPROVALS, report_tables.approvals(record)),
        "effects.csv": (report_tables.EFFECTS, report_tables.effects(record)),
        "costs.csv": (report_tables.COSTS, report_tables.costs(record)),
    }
    return {name: _csv([heading, *rows]) for name, (heading, rows) in lists.items() if rows}


def _calls(record: RunRecord) -> Iterator[list[str]]:
    for each in record.calls:
        state = "not made" if not each.made else "error" if each.is_error else "ok"
        times = [moment.isoformat() if moment else "" for moment in (each.began, each.ended)]
        arguments = report_tables.one_line(each.call.args)
        yield [str(each.turn), each.call.name, state, *times, arguments, each.result]


def _csv(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([[_plain(cell) for cell in row] for row in rows])
    return text.getvalue().encode(errors="replace")


def _plain(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
