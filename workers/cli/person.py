"""Who types: the name that requests and decisions are recorded under."""

import getpass
from collections.abc import Callable
from typing import Any

import click

from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode


def by_option(who: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add `--by`, for a request or a decision in another's name, handed over as `by`.

    Args:
        who: What the name is of, for the help: `Who decides.`
    """
    return click.option("--by", help=f"{who} Default: your name on this machine.")


def me() -> str:
    """Return the name of whoever runs the command; empty if this machine knows none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        # A container's user may have a number and no name.
        return ""


def deciding(by: str | None) -> str:
    """Return who decides: `by`, or whoever runs the command.

    Raises:
        CommandError: nobody is named, and this machine knows no name; exit code 2.
    """
    name = me() if by is None else by.strip()
    if not name:
        raise CommandError("say who decides: --by NAME", ExitCode.WRONG)
    return name
