"""What runs have cost, from the ledgers: added up by agent, team, model, day or run.

Pure. Every grouping splits the same runs, so all come to the same sum. What has no price and
what nobody knows are counted apart: neither is nothing.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum

from rota.budgets.reservations import WindowKind
from rota.budgets.windows import window_of
from rota.keepers.state import LedgerEntry
from rota.model import Record
from rota.runs import RunStatus
from rota.usage import Usage


class Grouping(StrEnum):
    """What is added up together."""

    AGENT = "agent"
    TEAM = "team"
    MODEL = "model"
    DAY = "day"
    RUN = "run"


class Cost(Record):
    """What one run, or several, came to."""

    runs: int = 0
    micros: int = 0
    """Micro-dollars, as far as there is a price."""
    tokens: int = 0
    unpriced_runs: int = 0
    """Runs of which some answers have no price: what those cost is in no sum."""
    unknown_micros: int = 0
    """What lost attempts, and runs that were lost, may have cost at most."""
    unknown_tokens: int = 0
    unknown_attempts: int = 0

    def plus(self, other: "Cost") -> "Cost":
        """Return the sum of both."""
        return Cost(
            runs=self.runs + other.runs,
            micros=self.micros + other.micros,
            tokens=self.tokens + other.tokens,
            unpriced_runs=self.unpriced_runs + other.unpriced_runs,
            unknown_micros=self.unknown_micros + other.unknown_micros,
            unknown_tokens=self.unknown_tokens + other.unknown_tokens,
            unknown_attempts=self.unknown_attempts + other.unknown_attempts,
        )


class AgentLedger(Record):
    """Entries of one agent, and whose they are."""

    agent: str
    team: str = ""
    """As declared now, or last: whoever moves to another team takes its past along."""
    timezone: str = "UTC"
    """In whose days it counts."""
    entries: tuple[LedgerEntry, ...] = ()


def total(ledgers: Iterable[AgentLedger]) -> Cost:
    """Return what all closed runs came to."""
    return _sum(cost_of(e.usage) for ledger in ledgers for e in spent_entries(ledger))


def grouped(ledgers: Iterable[AgentLedger], by: Grouping) -> dict[str, Cost]:
    """Return what each agent, team, model, day or run came to, in the order they appear.

    By model, the key "" has what no model is known to have been paid for: lost attempts, and
    runs that did not tell. A run counts there with every model that answered in it, so the
    numbers of runs add up to more; the money does not.
    """
    groups: dict[str, Cost] = {}
    for ledger in ledgers:
        for entry in spent_entries(ledger):
            for key, cost in _parts(ledger, entry, by):
                groups[key] = groups.get(key, Cost()).plus(cost)
    return groups


def spent_entries(ledger: AgentLedger) -> Iterator[LedgerEntry]:
    """Yield the closed runs; of those that were skipped, what has used something all the same."""
    for entry in ledger.entries:
        idle = entry.status is RunStatus.SKIPPED and entry.usage == Usage()
        if entry.run is not None and entry.status.closed and not idle:
            yield entry


def at_work(ledgers: Iterable[AgentLedger]) -> int:
    """Return how many runs have not told yet what they cost."""
    return sum(not entry.status.closed for ledger in ledgers for entry in ledger.entries)


def since(ledger: AgentLedger, start: datetime) -> AgentLedger:
    """Return the ledger with the runs alone that were admitted at `start` or later."""
    kept = tuple(entry for entry in ledger.entries if entry.admitted_at >= start)
    return ledger.model_copy(update={"entries": kept})


def cost_of(usage: Usage) -> Cost:
    """Return what one run with that use came to."""
    return Cost(
        runs=1,
        micros=usage.counted_micros,
        tokens=usage.tokens,
        unpriced_runs=int(usage.cost_micros is None),
        unknown_micros=usage.unknown_micros,
        unknown_tokens=usage.unknown_tokens,
        unknown_attempts=usage.unknown_attempts,
    )


def _sum(costs: Iterable[Cost]) -> Cost:
    together = Cost()
    for cost in costs:
        together = together.plus(cost)
    return together


def _parts(ledger: AgentLedger, entry: LedgerEntry, by: Grouping) -> list[tuple[str, Cost]]:
    whole = cost_of(entry.usage)
    match by:
        case Grouping.MODEL:
            return _by_model(entry, whole)
        case Grouping.AGENT:
            key = ledger.agent
        case Grouping.TEAM:
            key = ledger.team
        case Grouping.DAY:
            key = window_of(WindowKind.DAY, ledger.timezone, entry.admitted_at).key
        case Grouping.RUN:
            key = entry.run.id if entry.run is not None else entry.key
    return [(key, whole)]


def _by_model(entry: LedgerEntry, whole: Cost) -> list[tuple[str, Cost]]:
    parts = [
        (
            model,
            Cost(runs=1, micros=use.micros, tokens=use.tokens, unpriced_runs=int(use.unpriced > 0)),
        )
        for model, use in entry.by_model.items()
    ]
    told = _sum(part for _, part in parts)
    # By difference, so that the parts are the whole whatever the models' figures are.
    rest = whole.model_copy(
        update={
            "micros": whole.micros - told.micros,
            "tokens": whole.tokens - told.tokens,
            "unpriced_runs": int(whole.unpriced_runs > 0 and told.unpriced_runs == 0),
        }
    )
    return [*parts, ("", rest)] if rest != Cost(runs=1) or not parts else parts
