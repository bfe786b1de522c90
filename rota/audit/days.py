"""Checkpoints as whoever checks has them: kept apart, or come with a bundle.

Part of the verifier that lies in every bundle, so standard library alone. Who has the signing key
can make a run's chain and seal anew, but not a checkpoint that others have: `rota audit
checkpoints` hands them out.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from rota.audit.hashing import GENESIS, canonical, leaf_hash, root_of, root_of_path, sha256
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


def check_own_day(report: Report, data: bytes, trust: Trust) -> None:
    """Check the checkpoint that lies in a bundle, and that its run is in it."""
    signed, proof = read_signed(report, "checkpoint.json", data, CHECKPOINT, trust, "proof")
    day = signed.statement
    path = [bytes.fromhex(step) for step in proof["path"]]
    root = root_of_path(leaf_hash(report.head or GENESIS), proof["index"], day["count"], path)
    if root is None or root.hex() != day["root"]:
        report.problems.append(f"checkpoint.json: the run's head is not in that of {day['day']}")
    signed.reach(report, str(day["day"]), trust)


def check_given_days(report: Report, opened: Mapping[str, Any], trust: Trust) -> bool:
    """Check a run against the checkpoints that were given; False if it is too young for them.

    Args:
        report: Of its chain, which is whole.
        opened: What the first record says.
        trust: With the checkpoints.
    """
    run, agent = opened["run"]["key"], opened["agent"]
    found = [day for day in trust.days if run in day.heads]
    newest = max((day.day for day in trust.days if day.agent == agent), default="")
    if not found and newest and report.day > newest:
        return False
    if not found:
        report.problems.append(f"its run {run} of {agent} is in none of the checkpoints you gave")
    report.problems += [
        f"the checkpoint of {day.agent} of {day.day} that you gave has another head of this run"
        for day in found
        if day.heads[run] != report.head
    ]
    return True
