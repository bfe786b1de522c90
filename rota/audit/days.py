"""Checkpoints as whoever checks has them: kept apart, or come with a bundle.

Part of the verifier that lies in every bundle, so standard library alone. Who has the signing key
can make a run's chain and seal anew, but not a checkpoint that others have: `rota audit
checkpoints` hands them out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rota.audit.hashing import canonical, leaf_hash, root_of, root_of_path, sha256
from rota.audit.statements import (
    FORM_ERRORS,
    Day,
    Report,
    Signed,
    Trust,
    UnreadableError,
    read_signed,
)

CHECKPOINT = "rota-checkpoint/1"


def read_days(files: Mapping[str, bytes], trust: Trust) -> tuple[Report, list[Day]]:
    """Read checkpoints that were handed out, and check that each agent's make a row without gaps.

    Args:
        files: By a name for people.
        trust: Whose keys sign them.

    Raises:
        UnreadableError: one is no checkpoint.
    """
    report = Report(run="checkpoints")
    rows: dict[str, list[tuple[Signed, Day]]] = {}
    for name, data in sorted(files.items()):
        try:
            signed, runs = read_signed(report, name, data, CHECKPOINT, trust, "runs")
            day = _day(report, signed, runs)
        except FORM_ERRORS as error:
            raise UnreadableError(f"{name} is no checkpoint: {error!r}") from error
        signed.reach(report, day.day, trust)
        rows.setdefault(day.agent, []).append((signed, day))
    for row in rows.values():
        row.sort(key=lambda each: each[1].day)
        report.problems += _gaps([signed for signed, _ in row])
    return report, [day for row in rows.values() for _, day in row]


def _day(report: Report, signed: Signed, runs: Sequence[Mapping[str, str]]) -> Day:
    told = signed.statement
    heads = [each["head"] for each in runs]
    if told["count"] != len(heads) or told["root"] != root_of(heads):
        report.problems.append(f"{signed.name}: its runs are not those that were signed")
    return Day(str(told["agent"]), str(told["day"]), {each["run"]: each["head"] for each in runs})


def _gaps(row: Sequence[Signed]) -> list[str]:
    """Where a checkpoint of an agent does not name the one before it."""
    return [
        f"{each.name}: it does not follow {before.name}: one between them is missing, or was "
        "made anew"
        for before, each in pairwise(row)
        if each.statement["previous"] != sha256(canonical(before.statement))
    ]


@dataclass(frozen=True)
class Leaf:
    """What is to be in a checkpoint: how a run ended, or that it was erased."""

    what: str
    """`run` or `erasure`."""
    file: str
    """Where a bundle has its checkpoint, with the proof that it is in it."""
    key: str
    agent: str
    head: str
    day: str
    """On which it happened."""


def check_leaf(report: Report, files: Mapping[str, bytes], leaf: Leaf, trust: Trust) -> None:
    """Check it against the checkpoint that came with the bundle, and those that were given."""
    if leaf.file in files:
        _check_own(report, files[leaf.file], leaf, trust)
    in_one = bool(trust.days) and _check_given(report, leaf, trust)
    if leaf.file not in files and not in_one:
        report.notes.append(f"its {leaf.what} is not yet in a checkpoint")


def _check_own(report: Report, data: bytes, leaf: Leaf, trust: Trust) -> None:
    signed, proof = read_signed(report, leaf.file, data, CHECKPOINT, trust, "proof")
    day = signed.statement
    path = [bytes.fromhex(step) for step in proof["path"]]
    root = root_of_path(leaf_hash(leaf.head), proof["index"], day["count"], path)
    if root is None or root.hex() != day["root"]:
        report.problems.append(f"{leaf.file}: the {leaf.what}'s head is not in it")
    signed.reach(report, str(day["day"]), trust)


def _check_given(report: Report, leaf: Leaf, trust: Trust) -> bool:
    """Note what is wrong; False if it is too young for them."""
    found = [day for day in trust.days if leaf.key in day.heads]
    newest = max((day.day for day in trust.days if day.agent == leaf.agent), default="")
    if not found and newest and leaf.day > newest:
        report.notes.append(f"its {leaf.what} is younger than the checkpoints that you gave")
        return False
    if not found:
        told = f"its {leaf.what} ({leaf.key} of {leaf.agent})"
        report.problems.append(f"{told} is in none of the checkpoints that you gave")
    report.problems += [
        f"the checkpoint of {day.agent} of {day.day} that you gave has another head of its "
        f"{leaf.what}"
        for day in found
        if day.heads[leaf.key] != leaf.head
    ]
    return True
