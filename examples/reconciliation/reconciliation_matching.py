"""Finds which bank entries and ledger lines are the same payment.

Pure: lists in, matches out, the same for the same lists in any order. Four passes, the
strictest first, each on what the earlier ones left:

    exact      same reference, amount and day
    tolerance  same reference, or no reference and the same party; near in day and amount
    split      one ledger line, paid by several bank entries
    merged     several ledger lines, paid by one bank entry

A pass that finds two possible answers takes neither: an open item costs a person a
minute, a wrong match hides an error for ever. Free text only ever yields references.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import TypeVar

from reconciliation_entries import (
    ROUNDING,
    WINDOW,
    BankEntry,
    LedgerLine,
    business_days,
    party_key,
    references_in,
)

FX_TOLERANCE = 0.015
"""Share of the amount by which the bank's exchange rate may differ from the ledger's."""

CANDIDATES = 12
"""Entries a sum is searched among: 2^12 sums take milliseconds, 2^30 an hour."""

PARTS = 6
"""Most entries one sum may have."""

Item = TypeVar("Item", BankEntry, LedgerLine)


class Method(StrEnum):
    """The pass that found a match."""

    EXACT = "exact"
    TOLERANCE = "tolerance"
    SPLIT = "split"
    MERGED = "merged"


@dataclass(frozen=True)
class Match:
    """Entries that are one payment: on one side always exactly one."""

    bank_ids: tuple[str, ...]
    ledger_ids: tuple[str, ...]
    method: Method


def match(bank: Iterable[BankEntry], ledger: Iterable[LedgerLine]) -> list[Match]:
    """Match the open items of one account, in order of the passes."""
    open_bank = {e.id: e for e in sorted(bank, key=lambda e: (e.booked, e.id))}
    open_ledger = {e.id: e for e in sorted(ledger, key=lambda e: (e.posted, e.id))}
    matches: list[Match] = []
    for find in (_exact, _tolerance, _split, _merged):
        for found in find(tuple(open_bank.values()), tuple(open_ledger.values())):
            # A pass may offer an entry twice; whoever comes first has it.
            if all(i in open_bank for i in found.bank_ids) and all(
                i in open_ledger for i in found.ledger_ids
            ):
                matches.append(found)
                for entry in found.bank_ids:
                    del open_bank[entry]
                for line in found.ledger_ids:
                    del open_ledger[line]
    return matches


def same_amount(entry: BankEntry, line: LedgerLine) -> bool:
    """True if the amounts are equal up to rounding, or to the exchange rate's tolerance."""
    if entry.currency != line.currency:
        return False
    gap = abs(entry.cents - line.cents)
    if gap <= ROUNDING:
        return True
    return (
        entry.original_cents is not None
        and entry.original_cents == line.document_cents
        and entry.original_currency == line.document_currency
        and gap <= FX_TOLERANCE * abs(entry.cents)
    )


def near(entry: BankEntry, line: LedgerLine) -> bool:
    """True if the two days are no further apart than the usual delay."""
    return abs(business_days(entry.booked, line.posted)) <= WINDOW


def _exact(bank: Sequence[BankEntry], ledger: Sequence[LedgerLine]) -> Iterator[Match]:
    lines: defaultdict[tuple[object, ...], list[LedgerLine]] = defaultdict(list)
    for line in reversed(ledger):
        lines[line.reference, line.cents, line.currency, line.posted].append(line)
    for entry in bank:
        twins = lines[entry.reference, entry.cents, entry.currency, entry.booked]
        if entry.reference and twins:
            yield Match((entry.id,), (twins.pop().id,), Method.EXACT)


def _tolerance(bank: Sequence[BankEntry], ledger: Sequence[LedgerLine]) -> Iterator[Match]:
    by_reference = _grouped((line.reference, line) for line in ledger)
    by_party = _grouped((party_key(line.counterparty), line) for line in ledger)
    pairs: list[tuple[int, int, str, str]] = []
    for entry in bank:
        if entry.reference:
            lines = [x for x in by_reference[entry.reference] if same_amount(entry, x)]
        else:
            # A name alone is weak evidence: the amount must fit to the cent.
            lines = [x for x in by_party[party_key(entry.counterparty)] if x.cents == entry.cents]
        pairs += [
            (
                abs(entry.cents - line.cents),
                abs(business_days(entry.booked, line.posted)),
                entry.id,
                line.id,
            )
            for line in lines
            if near(entry, line)
        ]
    for _, _, entry_id, line_id in sorted(pairs):
        yield Match((entry_id,), (line_id,), Method.TOLERANCE)


def _split(bank: Sequence[BankEntry], ledger: Sequence[LedgerLine]) -> Iterator[Match]:
    by_reference = _grouped((entry.reference, entry) for entry in bank)
    for line in ledger:
        parts = [e for e in by_reference[line.reference] if line.reference and near(e, line)]
        found = _only_sum(parts, line.cents, ROUNDING)
        if found:
            yield Match(found, (line.id,), Method.SPLIT)


def _merged(bank: Sequence[BankEntry], ledger: Sequence[LedgerLine]) -> Iterator[Match]:
    for entry in bank:
        lines = [line for line in ledger if near(entry, line)]
        named = {entry.reference, *references_in(entry.text)} - {""}
        found = _only_sum([x for x in lines if x.reference in named], entry.cents, ROUNDING)
        if not found and not entry.reference:
            party = party_key(entry.counterparty)
            same_party = [x for x in lines if party_key(x.counterparty) == party]
            count = entry.payments if entry.payments > 1 else None
            found = _only_sum(same_party, entry.cents, 0, count)
        if found:
            yield Match((entry.id,), found, Method.MERGED)


def _only_sum(
    items: Sequence[Item], target: int, tolerance: int, count: int | None = None
) -> tuple[str, ...]:
    """Ids of the one choice of two or more items that adds up to `target`.

    Empty if there is none or more than one, or more candidates than can be searched.
    """
    fitting = [x for x in items if (x.cents > 0) == (target > 0) and abs(x.cents) < abs(target)]
    if len(fitting) > CANDIDATES:
        return ()
    sizes = range(2, PARTS + 1) if count is None else (count,)
    found: tuple[str, ...] = ()
    for size in sizes:
        for chosen in combinations(fitting, size):
            if abs(sum(item.cents for item in chosen) - target) <= tolerance:
                if found:
                    return ()
                found = tuple(item.id for item in chosen)
    return found


def _grouped(pairs: Iterable[tuple[str, Item]]) -> defaultdict[str, list[Item]]:
    groups: defaultdict[str, list[Item]] = defaultdict(list)
    for key, item in pairs:
        groups[key].append(item)
    return groups
