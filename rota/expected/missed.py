"""Slots that were expected and have no success. Pure."""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from rota.expected.evidence import Evidence
from rota.expected.in_force import slots_in_force
from rota.expected.slot_state import SlotState, Verdict
from rota.expected.verdicts import Judge
from rota.ids import format_slot
from rota.keepers.state import LedgerEntry
from rota.runs import RunStatus

MOST_SLOTS = 100_000
"""Slots of one agent that are judged at once: a year of every five minutes."""


class TooManySlotsError(ValueError):
    """The time asked for holds more slots than are judged at once."""


@dataclass(frozen=True)
class Missed:
    """One slot without a success."""

    agent: str
    verdict: Verdict
    covered_by: str = ""
    """A later run that succeeded and answers for its time, too; empty if none does."""

    @property
    def is_excused(self) -> bool:
        """True if somebody wanted it so, or a newer slot has done its work as declared."""
        coalesced = self.verdict.state is SlotState.COALESCED and bool(self.covered_by)
        return self.verdict.state.is_meant or coalesced

    @property
    def document(self) -> dict[str, Any]:
        """What `--json` prints of it."""
        verdict = self.verdict
        return {
            "agent": self.agent,
            **verdict.model_dump(mode="json"),
            "slot": format_slot(verdict.slot),
            "into": format_slot(verdict.into) if verdict.into else None,
            "covered_by": self.covered_by,
            "excused": self.is_excused,
        }


@dataclass(frozen=True)
class Account:
    """What became of an agent's slots in a span of time."""

    expected: int
    """Slots that had come."""
    succeeded: int
    open: int
    """Those that may still succeed."""
    missed: tuple[Missed, ...]
    """Oldest first."""
    since: datetime | None
    """From when on it is known which slots were expected; None: of no time."""


def account_of(evidence: Evidence, since: datetime, now: datetime) -> Account:
    """Judge every slot from `since` to `now` that was expected at its time.

    Raises:
        TooManySlotsError: they are too many; the message says what to do.
        ValueError: a schedule's zone is not known here.
    """
    slots = list(islice(slots_in_force(evidence.chronicle, since, now), MOST_SLOTS + 1))
    if len(slots) > MOST_SLOTS:
        raise TooManySlotsError(
            f"{evidence.name} has had more than {MOST_SLOTS:,} slots since "
            f"{format_slot(since)}: ask for a shorter time with --since"
        )
    judge, covering = Judge(evidence, now), _Covering(evidence)
    verdicts = [judge.verdict(slot) for slot, _ in slots]
    came = [each for each in verdicts if each.state is not SlotState.NOT_EXPECTED]
    missed = [each for each in came if each.is_missed]
    begin = evidence.chronicle.declared[0].since if evidence.chronicle.declared else None
    return Account(
        expected=len(came),
        succeeded=sum(each.state is SlotState.SUCCEEDED for each in came),
        open=sum(each.state.is_open for each in came),
        missed=tuple(
            Missed(evidence.name, verdict, covering.of(verdict.slot)) for verdict in missed
        ),
        since=max(since, begin) if begin else None,
    )


class _Covering:
    """Which success answers for the time of which slot."""

    def __init__(self, evidence: Evidence) -> None:
        found = {
            (entry.own_slot, entry.run.id): entry
            for entry in evidence.entries
            if entry.status is RunStatus.SUCCEEDED and entry.run and entry.own_slot
        }
        self._successes = [(*key, found[key]) for key in sorted(found)]
        self._slots = [slot for slot, _, _ in self._successes]

    def of(self, slot: datetime) -> str:
        """The first run after `slot` that covers it; empty if none does."""
        place = bisect_left(self._slots, slot)
        if place == len(self._slots):
            return ""
        _, run, entry = self._successes[place]
        return run if _covers(entry, slot) else ""


def _covers(entry: LedgerEntry, slot: datetime) -> bool:
    covers = entry.covers
    if covers is None or slot > covers.end:
        return False
    return covers.start is None or covers.start < slot
