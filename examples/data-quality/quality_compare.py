"""Tells what is wrong tonight: a profile against the accepted one, or against the limits. Pure.

Some measures have a limit of their own (no key twice, no orphan): worse than it and worse than in
the baseline is a finding. The others (rows, means, mixes) have none: far from the baseline is one.
So the first night, without a baseline, finds what is wrong by itself, and later nights find what
has changed. Better than before is no finding.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from quality_checks import CheckError, Checks
from quality_profile import Profile, Value

ROWS = 0.20
"""Share by which a load may be larger or smaller than the baseline's."""
MEAN = 0.15
"""Share by which a mean may move."""
MIX = 0.08
"""Share of the rows that may have moved from one value to others."""
NULLS = 0.03
"""Points by which the share of empty values may grow."""


@dataclass(frozen=True)
class Finding:
    """One measure that is not as it should be."""

    finding: str
    """Name of the measure."""
    now: Value
    before: Value
    """In the baseline; None without one."""
    text: str


@dataclass(frozen=True)
class Comparison:
    """What one night's profile shows."""

    new: tuple[Finding, ...]
    known: tuple[Finding, ...]
    """Declared false positives that would have been reported."""
    improved: tuple[str, ...]
    """Measures that are better than in the baseline."""
    compared: int

    @property
    def variance(self) -> float:
        """Share of the measures that are not as they should be."""
        return round(len(self.new) / self.compared, 3)

    def document(self) -> dict[str, Any]:
        """As a model reads it."""
        return {
            "new": [asdict(finding) for finding in self.new],
            "known": [asdict(finding) for finding in self.known],
            "improved": list(self.improved),
            "compared": self.compared,
            "variance": self.variance,
        }


def compare(profile: Profile, baseline: Profile | None, checks: Checks) -> Comparison:
    """Compare every measure with the baseline, where it has one, and with its limit.

    Raises:
        CheckError: a false positive is declared of what is not measured.
    """
    for declared in checks.known:
        if declared.finding not in profile.measures:
            raise CheckError(
                f"input.known: nothing measures '{declared.finding}'; mend its name, or take it out"
            )
    new: list[Finding] = []
    known: list[Finding] = []
    improved: list[str] = []
    limits = dict(_limits(checks))
    for name, now in profile.measures.items():
        before = baseline.measures.get(name) if baseline else None
        problem = _problem(name, now, before, limits.get(name))
        if problem:
            found = Finding(name, now, before, problem.text)
            listed = checks.known_of(name)
            is_known = listed is not None and _bounded(name, problem, profile) <= listed.up_to
            (known if is_known else new).append(found)
        elif _improved(name, now, before, limits.get(name)):
            improved.append(name)
    return Comparison(tuple(new), tuple(known), tuple(improved), len(profile.measures))


def _limits(checks: Checks) -> Iterator[tuple[str, float]]:
    """The measures that have a limit of their own."""
    for table, each in checks.tables.items():
        yield f"{table}.stale_days", 0
        if each.key:
            yield f"{table}.{each.key}.duplicates", 0
        for column, share in each.nulls.items():
            yield f"{table}.{column}.nulls", share
        for column in each.ranges:
            yield f"{table}.{column}.out_of_range", 0
        for column in each.references:
            yield f"{table}.{column}.orphans", 0


@dataclass(frozen=True)
class _Problem:
    text: str
    size: float
    """How far it has moved; of a measure with a limit, its value."""


def _problem(name: str, now: Value, before: Value, limit: float | None) -> _Problem | None:
    """Say what is wrong with a measure, if anything is."""
    if now is None:
        text = f"no value at all, {before} in the baseline"
        return None if before is None else _Problem(text, 1)
    if isinstance(now, dict):
        return _moved_mix(now, before) if isinstance(before, dict) else None
    if isinstance(before, dict):
        return None
    if limit is not None:
        allowed = limit if before is None else max(limit, before + _slack(name))
        was = "no baseline" if before is None else f"{before:g} in the baseline"
        text = f"{now:g} where {limit:g} is allowed, {was}"
        return _Problem(text, now) if now > allowed else None
    if before is None:
        return None
    moved = abs(now - before) / max(abs(before), 1e-9)
    text = f"{now:g}, {before:g} in the baseline: moved by {moved:.0%}"
    most = ROWS if name.endswith(".rows") else MEAN
    return _Problem(text, moved) if moved > most else None


def _moved_mix(now: dict[str, float], before: dict[str, float]) -> _Problem | None:
    moves = {value: now.get(value, 0) - before.get(value, 0) for value in {**before, **now}}
    moved = sum(map(abs, moves.values())) / 2
    largest = sorted(moves, key=lambda value: (-abs(moves[value]), value))[:3]
    told = ", ".join(f"{v} {before.get(v, 0):.0%} -> {now.get(v, 0):.0%}" for v in largest)
    text = f"another mix of values than in the baseline: {told}"
    return _Problem(text, moved) if moved > MIX else None


def _bounded(name: str, problem: _Problem, profile: Profile) -> float:
    """What the bound of a known false positive is compared with: counts as a share of the rows."""
    if name.rpartition(".")[2] in ("duplicates", "orphans", "out_of_range"):
        return problem.size / max(profile.rows[name.partition(".")[0]], 1)
    return problem.size


def _slack(name: str) -> float:
    return NULLS if name.endswith(".nulls") else 0


def _improved(name: str, now: Value, before: Value, limit: float | None) -> bool:
    if limit is None or not isinstance(now, int | float) or not isinstance(before, int | float):
        return False
    return before > limit and now < before - _slack(name)
