"""Says what is wrong with an open item, once that is certain.

Pure rules. Most open items are payments under way, so an item is judged only when its
normal delay is over on the other side as well (`due`). Two cases need no wait, because
both sides are there and nothing still to come can mend them: a wrong date, and a bank
amount larger than the ledger's (a smaller one may be a first instalment).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from reconciliation_entries import WINDOW, BankEntry, LedgerLine, business_days, money
from reconciliation_matching import Item, match, near, same_amount


class Kind(StrEnum):
    """What can be wrong between bank and ledger. Closed."""

    MISSING_IN_LEDGER = "missing_in_ledger"
    MISSING_AT_BANK = "missing_at_bank"
    DOUBLED = "doubled"
    WRONG_AMOUNT = "wrong_amount"
    WRONG_DATE = "wrong_date"
    REVERSED = "reversed"


@dataclass(frozen=True)
class Finding:
    """A proposal: this entry is wrong, in this way."""

    entry_id: str
    """The bank entry if there is one, else the ledger line."""
    kind: Kind
    reason: str
    """The facts in one sentence: amounts, days and references, never foreign free text."""
    related: tuple[str, ...] = ()
    """Entries on either side that belong to the same case."""


@dataclass(frozen=True)
class Books:
    """One account as far as both sides are known."""

    bank: tuple[BankEntry, ...]
    """Open entries, oldest first."""
    ledger: tuple[LedgerLine, ...]
    """Open lines, oldest first."""
    settled_bank: tuple[BankEntry, ...]
    """Matched entries that share a reference with an open one."""
    settled_ledger: tuple[LedgerLine, ...]
    bank_complete: date
    """Day of the account's last statement."""
    ledger_complete: date
    """Last day whose ledger lines are imported."""


def classify(books: Books) -> list[Finding]:
    """Judge the open items of one account; those not certain yet are left out.

    So is what matching would settle: whoever asks before matching gets no false alarm.
    """
    matches = match(books.bank, books.ledger)
    settled = {item for found in matches for item in (*found.bank_ids, *found.ledger_ids)}
    books = replace(
        books,
        bank=tuple(entry for entry in books.bank if entry.id not in settled),
        ledger=tuple(line for line in books.ledger if line.id not in settled),
    )
    findings: list[Finding] = []
    spoken_for: set[str] = set()
    for entry in books.bank:
        finding = _judge_entry(entry, books, spoken_for)
        if finding:
            findings.append(finding)
        # A line paired with an entry is that entry's case, even before it is certain.
        spoken_for |= {line.id for line in _partners(entry, books.ledger)}
    return findings + [
        _judge_line(line, books)
        for line in books.ledger
        if line.id not in spoken_for and due(line, books)
    ]


def due(item: BankEntry | LedgerLine, books: Books) -> bool:
    """True once a normal counterpart would have arrived."""
    if isinstance(item, BankEntry):
        return business_days(item.booked, books.ledger_complete) >= WINDOW
    # Keyed in late or dated ahead: the bank gets its usual time from the later day.
    return business_days(max(item.entered, item.posted), books.bank_complete) >= WINDOW


def _partners(entry: BankEntry, ledger: Iterable[LedgerLine]) -> list[LedgerLine]:
    return [line for line in ledger if entry.reference and line.reference == entry.reference]


def _judge_entry(entry: BankEntry, books: Books, spoken_for: set[str]) -> Finding | None:
    partners = [x for x in _partners(entry, books.ledger) if x.id not in spoken_for]
    is_due = due(entry, books)
    if entry.reversal:
        return _reversed(entry, books.settled_bank) if is_due else None
    for line in partners:
        if same_amount(entry, line):
            return _wrong_date(entry, line)
    if len(partners) == 1:
        larger = abs(entry.cents) > abs(partners[0].cents) and entry.payments == 1
        certain = is_due or (larger and near(entry, partners[0]))
        return _wrong_amount(entry, partners[0]) if certain else None
    if not is_due:
        return None
    twins = _twins(entry, books.settled_bank)
    if twins:
        return Finding(
            entry.id,
            Kind.DOUBLED,
            f"The bank booked {_facts(entry)} again on {entry.booked}: {twins[0].id} of "
            f"{twins[0].booked} has the same reference and amount and is settled.",
            (twins[0].id,),
        )
    return Finding(
        entry.id,
        Kind.MISSING_IN_LEDGER,
        f"The bank booked {_facts(entry)} on {entry.booked}; the ledger has no line for it "
        f"up to {books.ledger_complete}.",
    )


def _judge_line(line: LedgerLine, books: Books) -> Finding:
    twins = _twins(line, books.settled_ledger)
    if twins:
        return Finding(
            line.id,
            Kind.DOUBLED,
            f"The ledger has {_facts(line)} again on {line.posted}: {twins[0].id} of "
            f"{twins[0].posted} has the same reference and amount and is settled.",
            (twins[0].id,),
        )
    return Finding(
        line.id,
        Kind.MISSING_AT_BANK,
        f"The ledger has {_facts(line)} on {line.posted}; the bank booked nothing for it "
        f"up to {books.bank_complete}.",
    )


def _reversed(entry: BankEntry, settled: Sequence[BankEntry]) -> Finding:
    original = [x for x in settled if x.reference == entry.reference and x.cents == -entry.cents]
    what = f" its entry {original[0].id} of {original[0].booked}" if original else " a payment"
    return Finding(
        entry.id,
        Kind.REVERSED,
        f"The bank took back{what} on {entry.booked} ({_facts(entry)}); the ledger still "
        "counts it as paid.",
        tuple(x.id for x in original[:1]),
    )


def _wrong_date(entry: BankEntry, line: LedgerLine) -> Finding:
    days = business_days(entry.booked, line.posted)
    return Finding(
        entry.id,
        Kind.WRONG_DATE,
        f"The bank booked {_facts(entry)} on {entry.booked}; ledger line {line.id} is dated "
        f"{line.posted}, {abs(days)} business days {'later' if days > 0 else 'earlier'}.",
        (line.id,),
    )


def _wrong_amount(entry: BankEntry, line: LedgerLine) -> Finding:
    gap = abs(entry.cents) - abs(line.cents)
    hint = ""
    if entry.original_cents is not None and entry.original_cents == line.document_cents:
        original = money(entry.original_cents, entry.original_currency)
        hint = f" Both say {original}: the ledger's exchange rate is off."
    elif sorted(str(entry.cents)) == sorted(str(line.cents)):
        hint = " The digits are the same in another order: probably a keying error."
    return Finding(
        entry.id,
        Kind.WRONG_AMOUNT,
        f"The bank booked {_facts(entry)} on {entry.booked}; ledger line {line.id} says "
        f"{money(line.cents, line.currency)}: the bank has {money(abs(gap), entry.currency)} "
        f"{'more' if gap > 0 else 'less'}.{hint}",
        (line.id,),
    )


def _twins(item: Item, settled: Sequence[Item]) -> list[Item]:
    """Settled items that look like `item`, near in time: a lease is paid every month."""
    return [
        x
        for x in settled
        if item.reference
        and x.reference == item.reference
        and x.cents == item.cents
        and abs(business_days(_day(x), _day(item))) <= WINDOW
    ]


def _day(item: BankEntry | LedgerLine) -> date:
    return item.booked if isinstance(item, BankEntry) else item.posted


def _facts(item: BankEntry | LedgerLine) -> str:
    return f"{money(item.cents, item.currency)} ({item.reference or 'no reference'})"
