"""An agent's runs that do not get on: those that may be stuck are looked into."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from temporalio.client import Client

from activities.side_by_side import side_by_side
from activities.watchdog.progress import with_progress
from rota.notices.spec import Occasion
from rota.pinned_spec import PinnedSpec
from rota.watchdog.alerts import Alert, Finding
from rota.watchdog.open_run import OpenRun
from rota.watchdog.run_rules import may_be_stuck, stuck

MOST_LOOKED_INTO = 20
"""Runs of one agent whose progress one check looks at, besides those that are told as stuck."""


async def stuck_runs(
    client: Client,
    spec: PinnedSpec,
    runs: Sequence[OpenRun],
    known: Sequence[Alert],
    number: int,
    now: datetime,
) -> list[Finding]:
    """Return which of an agent's runs are stuck.

    Raises:
        temporalio.service.RPCError: the server did not answer.
    """
    old = sorted((run for run in runs if may_be_stuck(run, spec, now)), key=lambda run: run.began)
    told = {alert.run for alert in known if alert.kind is Occasion.STUCK and alert.is_open}
    looked = await side_by_side(in_turn(old, told, number), partial(with_progress, client))
    return [found for run in looked if (found := stuck(run, spec, now))]


def in_turn(runs: Sequence[OpenRun], told: set[str], number: int) -> list[OpenRun]:
    """Those that a check looks into: all that are told as stuck, of the others some in turn."""
    others = [run for run in runs if run.id not in told]
    begin = number * MOST_LOOKED_INTO % len(others) if others else 0
    some = [*others[begin:], *others[:begin]][:MOST_LOOKED_INTO]
    return [*(run for run in runs if run.id in told), *some]
