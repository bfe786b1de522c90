"""A past run beside its backtest: what is the same, what has changed, and by how much. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import Field

from rota.checks.json_changes import JsonChange, json_changes
from rota.checks.verdicts import CheckState
from rota.model import Record, canonical_json
from rota.tools import Effect
from rota.usage import Usage, sum_of
from rota.what_if.backtest import CallSource, CaseEnd

MEMORY_UPDATE = "memory.update"


class Verdict(StrEnum):
    """What a case says of what is tried."""

    SAME = "same"
    """The same result, the same effects asked for, the same memory."""
    CHANGED = "changed"
    """It ends well, or as badly as before, with something else."""
    FAILED = "failed"
    """The past run succeeded, and this one would not."""
    MENDED = "mended"
    """The past run did not succeed, and this one would."""
    UNDECIDED = "undecided"
    """Nobody knows: it asked for what nobody recorded, or could not be played to its end."""


class Played(Record):
    """What one side came to."""

    succeeded: bool
    status: str
    """In words: of the past run its status, of a case its end."""
    reason: str = ""
    output: Any = None
    turns: int = 0
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    """Tool and arguments of each call, in order."""
    patches: tuple[Any, ...] = ()
    """Memory patches."""
    checks: dict[str, CheckState] = Field(default_factory=dict[str, CheckState])
    """What came of each declared check, by name."""
    usage: Usage = Usage()
    seconds: float = 0.0
    models: tuple[str, ...] = ()
    """That answered, in the order of their first answers."""

    @property
    def tools(self) -> dict[str, int]:
        """How often each tool was called, by name."""
        return dict(sorted(Counter(name for name, _ in self.calls).items()))


class EffectChange(Record):
    """A call with an effect that only one side asks for."""

    tool: str
    args: dict[str, Any]
    new: bool
    """The case asks for it; else only the past run did."""


class Comparison(Record):
    """One case."""

    run_id: str
    verdict: Verdict
    before: Played
    after: Played
    changes: tuple[JsonChange, ...] = ()
    """Of the result."""
    effects: tuple[EffectChange, ...] = ()
    memory_changed: bool = False
    checks: tuple[str, ...] = ()
    """Checks that both sides made, and that came to something else."""
    sources: dict[CallSource, int] = Field(default_factory=dict[CallSource, int])
    unrecorded: tuple[str, ...] = ()


class Totals(Record):
    """A backtest in numbers."""

    cases: int
    verdicts: dict[Verdict, int]
    before: Usage
    after: Usage
    """Of the cases that were decided, on both sides: what was not played to its end would look
    cheap."""
    spent: Usage
    """What the backtest itself has cost, all cases included."""
    turns_before: int
    turns_after: int
    seconds_before: float
    seconds_after: float

    @property
    def cost_increase(self) -> float | None:
        """By which part the cost has grown, 0.2 being a fifth; None if it cannot be told."""
        before, after = self.before.cost_micros, self.after.cost_micros
        if before is None or after is None or (before == 0 and after > 0):
            return None
        return 0.0 if before == 0 else after / before - 1


class Share(Record):
    """At most so many: a number, or a part of all."""

    count: int | None = None
    percent: Decimal = Decimal(0)
    """Where there is no count. A decimal, so that 29% of 100 is 29."""

    def allows(self, number: int, total: int) -> bool:
        """Whether `number` of `total` is not too many."""
        if self.count is not None:
            return number <= self.count
        return number * 100 <= self.percent * total


class Thresholds(Record):
    """What a backtest may come to at most before CI stops."""

    changed: Share | None = None
    """Cases that are not `same`."""
    failed: Share | None = None
    cost_increase: Decimal | None = None
    """In percent."""


def compare(
    run_id: str,
    before: Played,
    after: Played,
    end: CaseEnd,
    effects: dict[str, Effect],
    sources: dict[CallSource, int],
    unrecorded: Sequence[str] = (),
) -> Comparison:
    """Compare one case with its past run.

    Args:
        run_id: Of the past run.
        before: What it came to.
        after: What the case came to.
        end: How the case ended.
        effects: What each tool does, as a worker knows it; an unknown tool counts as an effect.
        sources: From where its calls were answered.
        unrecorded: Its calls that the past run never made.
    """
    changes = json_changes(before.output, after.output) if after.succeeded else []
    moved = tuple(_effect_changes(before, after, effects))
    memory = canonical_json(list(before.patches)) != canonical_json(list(after.patches))
    comparison = Comparison(
        run_id=run_id,
        verdict=Verdict.UNDECIDED,
        before=before,
        after=after,
        changes=tuple(changes),
        effects=moved,
        memory_changed=memory,
        checks=tuple(
            name
            for name in before.checks
            if after.checks.get(name, before.checks[name]) is not before.checks[name]
        ),
        sources=sources,
        unrecorded=tuple(unrecorded),
    )
    return comparison.model_copy(update={"verdict": _verdict(comparison, end)})


def _verdict(case: Comparison, end: CaseEnd) -> Verdict:
    if end not in (CaseEnd.ANSWERED, CaseEnd.FAILED):
        return Verdict.UNDECIDED
    if not case.before.succeeded and CallSource.UNRECORDED in case.sources:
        # Both failed, and not for the same: the past run never made the call that ended it.
        return Verdict.CHANGED
    if case.before.succeeded != case.after.succeeded:
        return Verdict.MENDED if case.after.succeeded else Verdict.FAILED
    differs = case.changes or case.effects or case.memory_changed or case.checks
    return Verdict.CHANGED if differs else Verdict.SAME


def _effect_changes(
    before: Played, after: Played, effects: dict[str, Effect]
) -> Iterable[EffectChange]:
    """Calls that change something, and that one side makes more often than the other."""
    here, there = _effectful(before, effects), _effectful(after, effects)
    for one, other, new in ((here, there, False), (there, here, True)):
        left = Counter(key for key, _, _ in other)
        for key, tool, args in one:
            if left[key]:
                left[key] -= 1
            else:
                yield EffectChange(tool=tool, args=args, new=new)


def _effectful(side: Played, effects: dict[str, Effect]) -> list[tuple[bytes, str, dict[str, Any]]]:
    """Calls that change something; memory is compared apart."""
    return [
        (canonical_json([tool, args]), tool, args)
        for tool, args in side.calls
        if tool != MEMORY_UPDATE and effects.get(tool) is not Effect.READ
    ]


def totals(cases: Sequence[Comparison], spent: Usage) -> Totals:
    """Add a backtest up."""
    counts = Counter(case.verdict for case in cases)
    decided = [case for case in cases if case.verdict is not Verdict.UNDECIDED]
    return Totals(
        cases=len(cases),
        verdicts={verdict: counts[verdict] for verdict in Verdict},
        before=sum_of(case.before.usage for case in decided),
        after=sum_of(case.after.usage for case in decided),
        spent=spent,
        turns_before=sum(case.before.turns for case in decided),
        turns_after=sum(case.after.turns for case in decided),
        seconds_before=sum(case.before.seconds for case in decided),
        seconds_after=sum(case.after.seconds for case in decided),
    )


def exceeded(found: Totals, most: Thresholds) -> list[str]:
    """Say which thresholds are exceeded, each in one line.

    What nobody could decide counts as changed, and as failed: a threshold is no reason to look
    away. So does a cost that cannot be told.
    """
    undecided = found.verdicts[Verdict.UNDECIDED]
    told = f", {undecided} of them undecided" if undecided else ""
    same = found.verdicts[Verdict.SAME]
    lines: list[str] = []
    changed = found.cases - same
    if most.changed is not None and not most.changed.allows(changed, found.cases):
        lines.append(f"{changed} of {found.cases} cases are not the same{told} (--max-changed)")
    failed = found.verdicts[Verdict.FAILED] + undecided
    if most.failed is not None and not most.failed.allows(failed, found.cases):
        lines.append(f"{failed} of {found.cases} cases fail{told} (--max-failed)")
    if most.cost_increase is not None:
        grown = found.cost_increase
        if grown is None:
            lines.append("whether the cost has grown cannot be told (--max-cost-increase)")
        elif not _affordable(found, most.cost_increase):
            lines.append(f"the cost grows by {grown:.0%} (--max-cost-increase)")
    return lines


def _affordable(found: Totals, percent: Decimal) -> bool:
    before, after = found.before.cost_micros or 0, found.after.cost_micros or 0
    return after * 100 <= (100 + percent) * before
