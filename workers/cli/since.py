"""`--since`: a date, a time or how long ago."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click

from rota.language.durations import parse_duration
from workers.cli.output import now


def since_option(text: str, *, default: str | None = None) -> Callable[[Any], Any]:
    """Add `--since`, handed over as `since: datetime | None`, aware UTC."""
    return click.option("--since", metavar="7d|TIME", callback=_since, default=default, help=text)


def _since(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        given = datetime.fromisoformat(value)
        return (given if given.tzinfo else given.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    try:
        return now() - parse_duration(value)
    except (ValueError, OverflowError) as error:
        text = f"'{value}' is neither a time, such as 2026-11-01, nor a duration, such as 7d"
        raise click.BadParameter(text) from error
