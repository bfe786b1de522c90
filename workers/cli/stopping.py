"""Wait until runs have ended and providers have confirmed it: seen, and told at the end."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import click
from temporalio.client import WorkflowQueryFailedError
from temporalio.service import RPCError

from activities.side_by_side import side_by_side
from schedules.freezes import list_keepers
from workers.checks import Check
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.output import remark
from workers.cli.server import Link, with_server
from workers.settings import Settings
from workers.stopping import Stopping, stop_runs
from workers.unstopped import unstopped_check, unstopped_of

SHOWN = 10
"""Runs named."""
TOLD_EVERY = 1.0
"""Seconds between two lines of progress."""


@dataclass(frozen=True)
class Stop:
    """How a stop has ended."""

    runs: Stopping
    unstopped: tuple[Check, ...]
    """Work that may go on at providers, and keepers that could not be asked."""

    @property
    def confirmed(self) -> bool:
        """True if nothing goes on, as far as anybody can know."""
        return not self.runs.open and not self.unstopped

    @property
    def document(self) -> dict[str, Any]:
        """What `--json` prints of it."""
        return {
            "confirmed": self.confirmed,
            "runs": {"asked": self.runs.asked, "open": list(self.runs.open)},
            "unstopped": [asdict(check) for check in self.unstopped],
        }

    def show(self) -> None:
        """Print it for people."""
        for id in self.runs.open[:SHOWN]:
            click.echo(f"{id} has not ended: 'rota watch {id}' shows what it does")
        if (more := len(self.runs.open) - SHOWN) > 0:
            click.echo(f"and {more} more: 'rota runs'")
        for check in self.unstopped:
            click.echo(f"{check.name}: {check.found}")
            click.echo(f"→ {check.cure}")
        if self.confirmed:
            click.echo(f"{self.runs.asked} runs ended; no provider's work is known to go on")


def wait_for_ends(
    settings: Settings, names: Sequence[str] | None, seconds: float, undo: str, frozen: str = ""
) -> Stop:
    """End the runs of these agents, or all, and see that providers have stopped.

    `frozen` is told first: whoever reads it may interrupt, and is told what stays.

    Raises:
        CommandError: Ctrl-C, which leaves the freeze; told with the command that ends it.
    """
    seen: list[Stopping] = []

    async def work(link: Link) -> Stop:
        stopping = await stop_runs(link.client, names, _Progress(seen), seconds)
        return Stop(stopping, tuple(await _unstopped(link, names)))

    try:
        if frozen:
            remark(frozen)
        return with_server(settings, work)
    except KeyboardInterrupt:
        told = f"{seen[-1].asked} runs were asked to end" if seen else "no run was asked to end yet"
        raise CommandError(
            f"no longer waiting; {told}, and the freeze stays: the same command again goes on "
            f"with it, '{undo}' lets runs start again",
            ExitCode.INTERRUPTED,
        ) from None


class _Progress:
    """Tells how far it has come, on standard error, when that has changed."""

    def __init__(self, seen: list[Stopping]) -> None:
        self._seen = seen
        self._told = ""
        self._at = 0.0

    def __call__(self, stopping: Stopping) -> None:
        self._seen.append(stopping)
        text = f"{stopping.ended} of {stopping.asked} runs have ended"
        at = time.monotonic()
        if text != self._told and (not stopping.open or at - self._at >= TOLD_EVERY):
            self._told, self._at = text, at
            remark(text)


async def _unstopped(link: Link, names: Sequence[str] | None) -> list[Check]:
    asked = names or [keeper.name for keeper in await list_keepers(link.client)]

    async def one(name: str) -> list[Check]:
        try:
            found = await unstopped_of(link.client, name)
        except (RPCError, WorkflowQueryFailedError) as error:
            why = error.message if isinstance(error, RPCError) else str(error)
            cure = "start 'rota worker', then ask 'rota doctor'"
            told = f"its keeper does not answer: {why}"
            return [Check(f"unstopped work of {name}", False, told, cure)]
        return [unstopped_check(name, work, work.text) for work in found]

    return [check for checks in await side_by_side(asked, one) for check in checks]
