"""Entry of `make demo`: choose who thinks, play the story, leave a summary."""

import asyncio
import os
import signal
import sys
from datetime import timedelta

from rich.console import Console
from rich.prompt import Confirm

from workers.child_worker import WorkerStartError
from workers.cli.output import console as demo_console
from workers.connection import UnreachableError
from workers.demo.stage import DemoError, set_stage
from workers.demo.story import Story
from workers.devserver import ServerStartError

MODEL = "claude-haiku-4-5"


def main() -> None:
    """Play the demo and end the process with its exit code."""
    console = demo_console()
    try:
        code = asyncio.run(_play(console))
    except KeyboardInterrupt:
        console.print("interrupted: server and workers are stopped")
        code = 130
    except (DemoError, ServerStartError, UnreachableError, WorkerStartError) as error:
        Console(stderr=True).print(f"error: {error}", highlight=False, markup=False)
        code = 1
    sys.stdout.flush()
    # Interpreter shutdown can crash or hang after Temporal calls in a short-lived process.
    os._exit(code)


async def _play(console: Console) -> int:
    model = _choose(console)
    every = timedelta(seconds=60 if model else 20)
    keep = os.environ.get("KEEP", "") not in ("", "0")
    console.print("[b]·[/] Starting the Temporal server, its UI and two workers.")
    async with set_stage(model) as stage:
        story = Story(stage, console, model, every, runs_wanted=2 if model else 3)
        await story.play()
        await story.summary()
        _what_next(console, stage.server.address, keep=keep)
        if keep:
            await _until_interrupted()
    return 0


def _choose(console: Console) -> str | None:
    """Ask whether the real model shall think; without a key the script does."""
    if not os.environ.get("ANTHROPIC_API_KEY"):
        console.print(
            "No ANTHROPIC_API_KEY: the [b]scripted[/] runtime plays the model's turns. "
            "The tools and the data are real."
        )
        return None
    wanted = os.environ.get("MODEL")
    if wanted:
        return wanted
    question = f"ANTHROPIC_API_KEY is set: let {MODEL} think (some cents)?"
    if sys.stdin.isatty() and Confirm.ask(question, console=console, default=False):
        return MODEL
    console.print(
        "The [b]scripted[/] runtime plays the model's turns; tools and data are real. "
        f"For the real model: make demo MODEL={MODEL}"
    )
    return None


def _what_next(console: Console, address: str, *, keep: bool) -> None:
    console.print("\nWhat to try next")
    if keep:
        where = f"--address {address} --fleet .rota/demo/fleet --store .rota/demo/store"
        lines = [
            f".venv/bin/rota runs {where}",
            f".venv/bin/rota memory show reconciliation --session nordlicht {where}",
            f".venv/bin/temporal schedule describe -s reconciliation --address {address}",
            "Ctrl-C stops everything",
        ]
    else:
        lines = [
            "make demo KEEP=1      the same, left running: the links above then stay alive",
            ". .venv/bin/activate  then rota init my-fleet: a fleet of your own",
            "less README.md        what an agent's declaration can say",
        ]
    for line in lines:
        console.print(f"  {line}", highlight=False)


async def _until_interrupted() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


if __name__ == "__main__":
    main()
