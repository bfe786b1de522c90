"""Agents of whom nothing new can be known: their keepers need not be asked.

A keeper's word is the dearest part of a look, and most agents do nothing in most minutes. Whether
a slot has come is told by the declaration, which never changes under its digest; all else by what
the server lists.
"""

import asyncio
import time
from collections import OrderedDict
from datetime import datetime, timedelta

from temporalio.client import ScheduleDescription, WorkflowExecution

from activities.documents import get_declaration
from activities.server_schedule import differences
from activities.stores.base import ObjectMissingError, ObjectStore, StoreError
from activities.watchdog.listing import is_open, is_run
from rota.agent_spec import AgentSpec
from rota.pipelines.spec import PipelineSpec
from rota.schedule.slot_times import times_between

KEPT = 5000
"""Declarations in memory: some kilobytes each."""
RECENT = timedelta(minutes=1)
"""A keeper may hear of a run's end a moment after the server lists it, and lists lag behind."""
READ_SECONDS = 2.0
"""For one declaration: a store that takes longer is as good as away."""
AWAY_SECONDS = 30.0
"""How long nobody asks a store that did not answer: keepers know as well, and sooner."""

Spec = AgentSpec | PipelineSpec


class Declarations:
    """What is declared, by digest; each is read once."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._known: OrderedDict[str, Spec] = OrderedDict()
        self._away_until = 0.0

    async def of(self, digest: str) -> Spec | None:
        """Return the declaration; None if it cannot be read: then its keeper knows."""
        if digest in self._known:
            self._known.move_to_end(digest)
            return self._known[digest]
        if time.monotonic() < self._away_until:
            return None
        try:
            async with asyncio.timeout(READ_SECONDS):
                spec = await get_declaration(self._store, digest)
        except (ObjectMissingError, ValueError):
            return None
        except (StoreError, TimeoutError):
            self._away_until = time.monotonic() + AWAY_SECONDS
            return None
        self._known[digest] = spec
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return spec


def is_quiet(
    spec: Spec,
    declared: datetime | None,
    described: ScheduleDescription | None,
    listed: list[WorkflowExecution],
    since: datetime,
    now: datetime,
) -> bool:
    """True if no slot has come, no run was at work, and the schedule is as declared.

    Args:
        spec: The declaration in force.
        declared: Since when it is: slots of the one before are told by it no more.
        described: The schedule on the server.
        listed: The agent's workflows.
        since: What has happened since then is new.
        now: When that was seen.

    Raises:
        ValueError: the schedule's zone is not known here.
    """
    if declared is None or declared >= since - RECENT:
        return False
    runs = [each for each in listed if is_run(each)]
    if any(is_open(run) or _ended(run) >= since - RECENT for run in runs):
        return False
    if spec.schedule is None:
        return True
    if described is None or described.schedule.state.paused != spec.schedule.paused:
        return False
    if differences(described.schedule, spec.schedule):
        return False
    if not described.info.next_action_times and not spec.schedule.paused:
        return False
    return not any(times_between(spec.schedule, since - RECENT, now))


def _ended(run: WorkflowExecution) -> datetime:
    return run.close_time or run.start_time
