"""A backtest as one HTML file that needs nothing else: no script, no font, no network.

What models and tools have said may be hostile: it is filled by `workers.pages`, and forbids scripts
and anything from elsewhere besides.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rota.usage import format_cost
from workers.pages import environment

TEMPLATE = "backtest.html.jinja"


def write_report(path: Path, document: Mapping[str, Any]) -> None:
    """Write the report of a backtest, as `--json` prints it."""
    path.write_text(report_of(document), encoding="utf-8")


def report_of(document: Mapping[str, Any]) -> str:
    """The report's HTML."""
    pages = environment("workers.what_if", "templates")
    pages.filters["cost"] = _cost
    pages.filters["pretty"] = _pretty
    return pages.get_template(TEMPLATE).render(document)


def _cost(usage: Mapping[str, Any]) -> str:
    text = format_cost(usage["cost_micros"])
    return f"{text} + unknown" if usage["unknown_attempts"] else text


def _pretty(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=1, ensure_ascii=False)
