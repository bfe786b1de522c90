"""What one sees of a backfill while its keeper carries it out."""

import asyncio
from dataclasses import dataclass
from typing import Any

from activities.ledger_pages import read_pages
from rota.ids import keeper_id
from rota.keepers.run_orders import Backfill
from rota.keepers.state import KeeperState
from schedules.apply_errors import NoWorkerError
from schedules.backfill import Choice, PlannedSlot
from schedules.backfill_request import SlotOutcome, outcomes_of, progress_of, working
from workers.cli.output import console, remark
from workers.cli.server import Link
from workers.cli.standing import ask_state

INTERVAL_SECONDS = 0.5


@dataclass(frozen=True)
class Asked:
    """What a person asked for, and what the ledger says to it."""

    name: str
    state: KeeperState
    subject: str
    """What the ids of backfills for the same question begin with."""
    planned: tuple[PlannedSlot, ...]
    choice: Choice
    running: Backfill | None
    """The backfill that already answers it and is not done."""


@dataclass(frozen=True)
class Carried:
    """A backfill as far as it has come."""

    backfill: Backfill
    slots: tuple[SlotOutcome, ...]
    """Oldest first."""

    @property
    def document(self) -> dict[str, Any]:
        """The backfill as `--json` prints it."""
        slots = [slot.document for slot in self.slots]
        return {"backfill": self.backfill.model_dump(mode="json"), "slots": slots}


async def follow(link: Link, asked: Asked, backfill: Backfill, *, wait: bool) -> Carried:
    """Return how far a backfill is; with `wait`, once it is done."""
    told = False
    with console(err=True).status("starting") as status:
        while True:
            try:
                state = await ask_state(link, keeper_id(asked.name), KeeperState) or KeeperState()
            except NoWorkerError as error:
                if not told:
                    remark(f"the backfill waits: {error}")
                told = True
            else:
                told = False
                backfill = progress_of(state, backfill.id) or backfill
                known = progress_of(state, backfill.id) is not None
                if not wait or not known or backfill.done >= backfill.total:
                    return await _carried(link, asked, state, backfill)
                status.update(describe(backfill, working(state, backfill.id)))
            await asyncio.sleep(INTERVAL_SECONDS)


def describe(backfill: Backfill, at_work: int) -> str:
    """`12 of 43 done · 2 at work · 1 failed`."""
    parts = [f"{backfill.done} of {backfill.total} done", f"{at_work} at work"]
    if backfill.failed:
        parts.append(f"{backfill.failed} failed")
    return " · ".join(parts)


async def _carried(link: Link, asked: Asked, state: KeeperState, backfill: Backfill) -> Carried:
    slots = {each.slot for each in asked.planned}
    entries = list(state.ledger.values())
    outcomes = outcomes_of(state, entries, backfill, slots)
    if len(outcomes) < backfill.total and state.pages is not None:
        # So many have ended that the first of them have left the keeper.
        entries = [*await read_pages(link.store, state.pages), *entries]
        outcomes = outcomes_of(state, entries, backfill, slots)
    return Carried(backfill, tuple(outcomes))
