"""How a command is declared: options shared by many, an example for each.

`@command` makes the help complete, `@server_options` hands over `settings`.
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from workers.settings import Settings

Function = Callable[..., Any]


class RotaCommand(click.Command):
    """A command with examples under its help."""

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Print the examples as they are to be typed."""
        with formatter.section("Example" if len(self.examples) == 1 else "Examples"):
            for example in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{example}\n")


class ListsByDefault(click.Group):
    """A group whose `list` may be left out: `rota effects report`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take whatever is no subcommand for arguments of `list`."""
        if not args or args[0] not in {*self.commands, "-h", "--help"}:
            args = ["list", *args]
        return super().parse_args(ctx, args)


def command(
    name: str, *, example: str | tuple[str, ...], json: str | None = None
) -> Callable[[Function], click.Command]:
    """Declare a command.

    Args:
        name: What is typed after `rota`.
        example: One or more command lines for the help.
        json: Shape that `--json` prints, for the help; None: the command has no `--json`.
    """
    examples = (example,) if isinstance(example, str) else example

    def decorate(function: Function) -> click.Command:
        if json is not None:
            text = f"Print JSON and nothing else to standard output: {json}"
            function = click.option("--json", "as_json", is_flag=True, help=text)(function)
        function = click.option(
            "--debug",
            is_flag=True,
            expose_value=False,
            callback=_keep_traceback,
            help="Show tracebacks of errors.",
        )(function)
        return click.command(name, cls=RotaCommand, examples=examples)(function)

    return decorate


def fleet_option(function: Function) -> Function:
    """Add `--fleet`, handed over as `fleet: Path`."""
    return click.option(
        "--fleet",
        type=click.Path(path_type=Path),
        envvar="ROTA_FLEET",
        default=Path("."),
        help="Folder of the fleet. Default: ROTA_FLEET, or the current folder.",
    )(function)


def wait_option(function: Function) -> Function:
    """Add `--wait/--no-wait`, handed over as `wait`."""
    return click.option(
        "--wait/--no-wait", default=True, show_default=True, help="Wait for the end."
    )(function)


def server_options(function: Function) -> Function:
    """Add the options that find server, store and fleet, handed over as `settings`."""

    @functools.wraps(function)
    def wrapper(
        fleet: Path,
        address: str | None,
        namespace: str | None,
        store: str | None,
        task_queue: str | None,
        allow_plaintext: bool,
        **rest: Any,
    ) -> Any:
        settings = Settings.read(
            fleet,
            address=address,
            namespace=namespace,
            store=store,
            task_queue=task_queue,
            allow_plaintext=allow_plaintext,
        )
        return function(settings=settings, **rest)

    options = (
        click.option(
            "--allow-plaintext",
            is_flag=True,
            help="Talk without TLS to a server on another machine. Default: ROTA_ALLOW_PLAINTEXT.",
        ),
        click.option("--task-queue", help="Task queue of the runs. Default: rota."),
        click.option(
            "--store",
            help="Object store: a folder or s3://bucket/prefix. Default: .rota/store of the fleet.",
        ),
        click.option("--namespace", help="Temporal namespace. Default: TEMPORAL_NAMESPACE."),
        click.option(
            "--address",
            help="Temporal server. Default: TEMPORAL_ADDRESS, its profile, or localhost:7233.",
        ),
        fleet_option,
    )
    optioned: Function = wrapper
    for option in options:
        optioned = option(optioned)
    return optioned


def _keep_traceback(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        ctx.find_root().meta["rota.debug"] = True
