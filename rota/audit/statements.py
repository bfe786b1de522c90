"""Signed statements as whoever checks them reads them, and whom that one trusts.

Part of the verifier that lies in every bundle, so standard library alone. `rota.audit.seals` writes
them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rota.audit.ed25519 import key_id, signature_holds
from rota.audit.hashing import canonical

FORM_ERRORS = (LookupError, TypeError, ValueError, AttributeError, RecursionError)
"""What reading JSON of another form than expected ends with."""


class UnreadableError(Exception):
    """There is no bundle, or it is none that this program can read."""


@dataclass
class Report:
    """What was found."""

    run: str = ""
    records: int = 0
    head: str = ""
    day: str = ""
    """On which the chain was closed; empty if it is not whole."""
    problems: list[str] = field(default_factory=list[str])
    """Empty if all holds; the first names the first bad record, if a record is bad."""
    notes: list[str] = field(default_factory=list[str])
    """What holds only under a condition, and what nobody can say."""
    first_bad: int | None = None
    """Number of the first bad record, from 0."""

    def blame(self, seq: int, text: str) -> None:
        """Note a bad record."""
        self.first_bad = seq if self.first_bad is None else min(seq, self.first_bad)
        self.problems.append(f"record {seq}: {text}")


@dataclass(frozen=True)
class Day:
    """A checkpoint that was kept apart from what is checked."""

    agent: str
    day: str
    heads: Mapping[str, str]
    """Of the chains of the day's runs, by their keys."""


@dataclass(frozen=True)
class Trust:
    """What whoever checks brings along; nothing of it came with what is checked."""

    keys: Mapping[bytes, str] = field(default_factory=dict[bytes, str])
    """Public keys, each with the last day that it vouches for; empty: it is still in use."""
    days: Sequence[Day] = ()
    """Checkpoints."""


NOBODY = Trust()


@dataclass(frozen=True)
class Signed:
    """A statement whose signature was looked at."""

    name: str
    """Of the file."""
    statement: dict[str, Any]
    key: bytes

    def reach(self, report: Report, day: str, trust: Trust) -> None:
        """Note if the key was given up before `day`, of which the statement speaks.

        A key that was stolen after it was given up signs nothing that is younger.
        """
        until = trust.keys.get(self.key, "")
        if until and day > until:
            report.problems.append(
                f"{self.name}: of {day}, and key {key_id(self.key)} signed until {until}"
            )


def read_signed(
    report: Report, name: str, data: bytes, form: str, trust: Trust, beside: str = ""
) -> tuple[Signed, Any]:
    """Return what a signed file says, and what lies `beside` its statement; note what is wrong.

    Raises:
        LookupError, TypeError, ValueError: the file has another form: see `FORM_ERRORS`.
    """
    signed = json.loads(data)
    if set(signed) != {"statement", "key", "signature", *([beside] if beside else ())}:
        raise ValueError(f"{name} does not hold what it should, and that alone")
    statement: dict[str, Any] = signed["statement"]
    public, signature = bytes.fromhex(signed["key"]), bytes.fromhex(signed["signature"])
    if statement["format"] != form:
        raise ValueError(f"{name} is no {form}")
    if not signature and not trust.keys:
        report.notes.append(f"{name} is not signed: whoever had it could have written it anew")
    elif not signature_holds(public, canonical(statement), signature):
        report.problems.append(f"{name}: its signature does not hold")
    elif trust.keys and public not in trust.keys:
        report.problems.append(f"{name}: signed with another key than yours, {key_id(public)}")
    elif not trust.keys:
        report.notes.append(
            f"{name}: its key {key_id(public)} came with it: name the one you trust with --key"
        )
    return Signed(name, statement, public), signed[beside] if beside else None
