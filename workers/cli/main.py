"""The `rota` command: finds the subcommand, ends the process in one orderly way.

Only the module of the command that is asked for is imported, so that `rota --help` and
shell completion do not wait for Temporal's SDK.
"""

import importlib
import os
import sys
import traceback
from typing import Any, NoReturn

import click

from workers.cli.command_error import show_error
from workers.cli.exit_codes import ExitCode

SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Declare": {
        "init": ("init", "Write a small working fleet to start from."),
        "import": ("importing", "Turn schedules of other software into agents."),
        "validate": ("validate", "Check a fleet's files without a server."),
        "schema": (
            "validate",
            "Print the JSON Schema of agent, pipeline and team files, for editors.",
        ),
        "plan": ("plan", "Show what 'rota apply' would change."),
        "apply": ("plan", "Bring the server in line with the fleet's files."),
        "drift": ("plan", "Find what was changed on the server behind the files' back."),
    },
    "Run": {
        "run": ("run", "Run an agent or a pipeline now and show its result."),
        "runs": ("runs", "List runs, newest first."),
        "show": ("show", "Show one run whole: result, events, transcript."),
        "explain": ("explain", "Say why a slot ran, or did not, as a chain of reasons."),
        "missed": ("missed", "List expected slots without a success, with the reason of each."),
        "watch": ("watch", "Follow a run, step by step, until it ends."),
        "answer": ("answer", "List what a run asks people, or answer it."),
        "approvals": ("approvals", "List the tool calls that wait for a person's decision."),
        "approve": ("approve", "Allow a call that waits for it, as it is or changed."),
        "deny": ("approve", "Forbid a call that waits for a decision."),
        "effects": ("effects", "List what tools have done, and settle what nobody knows."),
        "cancel": ("cancel", "Cancel a run and wait until it has ended."),
        "rerun": ("rerun", "Run again what a run has left undone, and keep what it has done."),
        "backfill": (
            "backfill",
            "Run past slots of a schedule: those that have not succeeded, oldest first.",
        ),
        "pipelines": ("pipelines", "List the pipelines, their next slots and newest runs."),
        "graph": ("graph", "Show how a pipeline or a fleet hangs together; also as a picture."),
        "events": ("events", "Publish events to topics; list, follow and replay them."),
        "pause": ("pause", "Stop the schedule of an agent or pipeline from starting runs."),
        "resume": ("pause", "Let a paused schedule start runs again."),
        "freeze": (
            "freeze",
            "Let nothing new start: agents, a team, or all, until somebody thaws them.",
        ),
        "thaw": ("freeze", "Let frozen agents and pipelines start runs again."),
        "stop": ("stop", "Stop everything: nothing new starts, and every run is cancelled."),
        "budget": ("budget", "Show what agents and teams have spent, and give them more."),
        "cost": ("cost", "Show what runs have cost: by agent, team, model, day or run."),
        "baseline": (
            "baseline",
            "Show, accept and reject the result that an agent's runs compare with.",
        ),
        "memory": ("memory", "Show, set, list and roll back what an agent remembers."),
        "audit": ("audit", "Read the record of runs, hand it over, and check it."),
    },
    "What if": {
        "replay": (
            "replay",
            "Replay recorded histories with the code installed here, and say what has changed.",
        ),
        "backtest": (
            "backtest",
            "Run past runs of an agent again, and compare results, effects, turns and costs.",
        ),
        "fork": (
            "fork",
            "Start a new run that goes on from a turn of a past one, every effect asked for first.",
        ),
    },
    "Operate": {
        "dev": ("dev", "Start server, UI and worker for a fleet on this machine."),
        "worker": ("worker", "Run a worker for a fleet."),
        "gateway": (
            "gateway",
            "Serve a fleet over HTTP: metrics and health, webhooks, a codec server.",
        ),
        "runtimes": ("runtimes", "List the kinds of runtimes, and what each can promise."),
        "locks": ("locks", "Show who holds each lock, since when, and who waits for it."),
        "watchdog": ("watchdog", "Show the Watchdog's open alerts: what, since when, what to do."),
        "notifications": ("notifications", "Show what each channel was told, and what is wrong."),
        "keys": ("keys", "Make keys, put new ones in use, and see which are still needed."),
        "gc": (
            "gc",
            "Take away archives whose retention is over, and objects that nothing refers to.",
        ),
        "doctor": ("doctor", "Check everything Rota needs; --fix mends what it can."),
    },
}
"""By heading: command name -> (module in `workers.cli`, what `rota --help` says)."""

COMMANDS = {name: entry for section in SECTIONS.values() for name, entry in section.items()}


class LazyGroup(click.Group):
    """A group that imports a command when it is asked for, and explains its errors."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of `rota --help`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"workers.cli.{COMMANDS[cmd_name][0]}")
        found = getattr(module, f"{cmd_name}_command")
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands under their headings, without importing them."""
        for heading, entries in SECTIONS.items():
            with formatter.section(heading):
                formatter.write_dl([(name, text) for name, (_, text) in entries.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Document the exit codes and the variables."""
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code.value), code.meaning) for code in ExitCode])
        with formatter.section("Environment"):
            formatter.write_dl(
                [
                    ("ROTA_FLEET", "folder of the fleet, instead of --fleet"),
                    ("ROTA_STORE", "object store, instead of --store"),
                    ("ROTA_TASK_QUEUE", "task queue, instead of --task-queue"),
                    ("ROTA_METRICS", "host:port for a worker's metrics, instead of --metrics"),
                    ("ROTA_HEALTH", "host:port for probes of a worker, instead of --health"),
                    ("ROTA_DEPLOYMENT", "what a worker's build is one of, instead of --deployment"),
                    ("ROTA_BUILD", "a worker's build of the code, instead of --build"),
                    ("ROTA_TRACES", "true or false: traces, whatever OTEL_* names"),
                    ("ROTA_CALLBACKS", "host:port for providers' answers, instead of --callbacks"),
                    ("ROTA_CALLBACK_URL", "public address of those, instead of --callback-url"),
                    ("ROTA_CALLBACK_SECRET", "signs the addresses that providers call back"),
                    ("ROTA_GATEWAY_LISTEN", "host:port of the gateway, instead of --listen"),
                    ("ROTA_GATEWAY_TLS_CERT", "its certificate, instead of --tls-cert"),
                    ("ROTA_GATEWAY_TLS_KEY", "the key of that, instead of --tls-key"),
                    ("ROTA_ENCRYPTION_KEYS", "references to the keys, instead of encryption.keys"),
                    ("ROTA_ENCRYPTION_STRICT", "true or false, instead of encryption.strict"),
                    ("ROTA_ALLOW_PLAINTEXT", "true: no TLS needed, instead of --allow-plaintext"),
                    ("ROTA_UI", "address of the Temporal UI, for links to runs"),
                    ("TEMPORAL_*", "Temporal's own: TEMPORAL_ADDRESS, _NAMESPACE, _PROFILE, …"),
                ]
            )

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; expected errors become one line and an exit code."""
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort, click.ClickException, BrokenPipeError):
            raise
        except Exception as error:
            # Here, not at the top: it knows Temporal's errors, which take long to import.
            from workers.cli.errors import explained  # noqa: PLC0415

            told = explained(error)
            if told is None:
                raise
            if ctx.meta.get("rota.debug"):
                traceback.print_exc()
            raise told from error


@click.command("rota", cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="rota", message="rota %(version)s")
def rota() -> None:
    """Put AI agents on a rota: declared in YAML, run by Temporal.

    Begin with 'rota init my-fleet' and 'rota dev my-fleet'. Each command has its own --help
    with an example.
    """


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code. Prints errors, never raises."""
    try:
        with rota.make_context("rota", list(arguments)) as ctx:
            rota.invoke(ctx)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "rota"
        show_error(f"{error.format_message()} (see '{command} --help')")
        return ExitCode.WRONG
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        show_error("interrupted")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        return ExitCode.PIPE_CLOSED
    except Exception:  # noqa: BLE001 - the last one who can say anything
        traceback.print_exc()
        show_error("this is a bug in Rota; please report it with the lines above")
        return ExitCode.FAILED
    return ExitCode.OK


def main() -> NoReturn:
    """Entry point of the `rota` command.

    Ends with `os._exit`: Temporal's runtime threads can crash a short process while Python
    takes itself apart. Everything was awaited and is flushed before.
    """
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        code = ExitCode.PIPE_CLOSED
    os._exit(code)
