"""What commands print: tables for people, JSON for programs, times in one form.

Standard output carries the answer alone; progress and remarks go to standard error. Nothing of
it is hidden, whoever wrote it: see `workers.cli.hidden_signs`.
"""

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rota.ids import format_slot
from workers.cli.hidden_signs import written_out

PIPE_WIDTH = 120
"""Columns of a table that no terminal shows; COLUMNS overrides it."""


def console(*, err: bool = False) -> Console:
    """A console on standard output, or error. Colours only on a terminal without NO_COLOR."""
    stream = sys.stderr if err else sys.stdout
    width = None
    if not stream.isatty():
        width = int(os.environ.get("COLUMNS") or PIPE_WIDTH)
    # Lines are left to the terminal to wrap: a copied link or id stays whole.
    return _Console(file=stream, width=width, highlight=False, soft_wrap=True, emoji=False)


class _Console(Console):
    """One that hides nothing."""

    def print(self, *objects: Any, **how: Any) -> None:
        """Print, as rich does."""
        super().print(*map(_open, objects), **how)


def print_table(made: Table) -> None:
    """Print a table, folded into the width there is."""
    console().print(made, soft_wrap=False)


def print_json(value: Any) -> None:
    """Print JSON: indented, readable, deterministic."""
    click.echo(written_out(json.dumps(value, indent=2, ensure_ascii=False, default=str)))


def remark(text: str) -> None:
    """Say something beside the answer."""
    click.echo(written_out(text), err=True)


class _Table(Table):
    """One whose cells hide nothing."""

    def add_row(self, *cells: Any, **how: Any) -> None:
        """Add a row, as rich does."""
        super().add_row(*map(_open, cells), **how)


def _open(text: Any) -> Any:
    """What is printed as it is, or without colours if something in it would not be seen."""
    if isinstance(text, str):
        return written_out(text)
    if isinstance(text, Text):
        shown = written_out(text.plain)
        return text if shown == text.plain else Text(shown)
    return text


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """A table without frame. Nothing is cut off: long cells fold."""
    made = _Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for name in columns:
        justify = "right" if name in right else "left"
        made.add_column(name, justify=justify, overflow="fold")
    return made


def format_time(at: datetime | None) -> str:
    """Print a time as UTC to the second, as in run ids; `-` for none."""
    return "-" if at is None else format_slot(at)


def format_took(took: timedelta | None) -> str:
    """Print how long something took: `0.42s`, `12.3s`, `3m05s`, `2h03m`; `-` for none."""
    if took is None:
        return "-"
    seconds = max(0.0, took.total_seconds())
    if seconds < 10:
        return f"{seconds:.2f}s"
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m"


def now() -> datetime:
    """Return the time, aware UTC."""
    return datetime.now(UTC)


_STYLES = {
    "succeeded": "green",
    "running": "cyan",
    "queued": "cyan",
    "waiting": "cyan",
    "awaiting_approval": "magenta",
    "parked": "magenta",
    "failed": "red",
    "blocked": "red",
    "timed_out": "red",
    "cancelled": "yellow",
    "skipped": "dim",
}


def styled(status: str) -> str:
    """Return a status with its colour, as rich markup."""
    style = _STYLES.get(status)
    return f"[{style}]{status}[/]" if style else status
