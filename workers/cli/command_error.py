"""The error a command raises to end with one line and an exit code."""

from typing import IO, Any

import click

from workers.cli.exit_codes import ExitCode
from workers.cli.hidden_signs import written_out


class CommandError(click.ClickException):
    """What went wrong, where, and how to mend it; one `error:` line for each line of text."""

    def __init__(self, message: str, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        # Click declares it per class and reads it per instance.
        self.exit_code = int(code)  # pyright: ignore[reportAttributeAccessIssue]

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it to standard error."""
        show_error(self.message)


def show_error(message: str) -> None:
    """Print each line of `message` as an error of its own."""
    for line in written_out(message).splitlines() or [""]:
        click.echo(f"error: {line}", err=True)
