"""A backtest as one HTML file that needs nothing else: no script, no font, no network.

What models and tools have said may be hostile, so every value is escaped by the template engine,
and the page forbids scripts and anything from elsewhere besides.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from rota.usage import format_cost
from workers.cli.hidden_signs import written_out

TEMPLATE = "backtest.html.jinja"


def write_report(path: Path, document: Mapping[str, Any]) -> None:
    """Write the report of a backtest, as `--json` prints it."""
    path.write_text(report_of(document), encoding="utf-8")


def report_of(document: Mapping[str, Any]) -> str:
    """The report's HTML."""
    environment = Environment(
        loader=PackageLoader("workers.what_if", "templates"),
        autoescape=True,
        finalize=_seen,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cost"] = _cost
    environment.filters["pretty"] = _pretty
    return environment.get_template(TEMPLATE).render(document)


def _seen(value: Any) -> Any:
    """A value with nothing hidden in it: see `workers.cli.hidden_signs`."""
    return written_out(value) if type(value) is str else value


def _cost(usage: Mapping[str, Any]) -> str:
    text = format_cost(usage["cost_micros"])
    return f"{text} + unknown" if usage["unknown_attempts"] else text


def _pretty(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=1, ensure_ascii=False)
