"""What both sides of the reconciliation are made of: bank entries and ledger lines.

Pure: no files, no database. Money is an integer of hundredths ("cents"), signed from the
account's point of view: positive is money in. Days are counted in business days, because
a payment sent on Friday and booked on Monday is one day late, not three.
"""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TypedDict

WINDOW = 2
"""Business days between the bank's booking and the ledger's posting that are normal.
Also the wait until a missing counterpart is certain: nothing normal arrives later."""

ROUNDING = 2
"""Cents by which two amounts may differ and still be the same payment."""

QUOTE_LIMIT = 140
"""Characters of foreign text shown to the model: the longest line of a bank statement."""

_REFERENCE = re.compile(r"[A-Z]{2,6}-[0-9][A-Z0-9/-]{2,27}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")


class Untrusted(TypedDict):
    """Text somebody outside wrote, fenced so that no reader takes it for an instruction."""

    untrusted: bool
    quote: str


@dataclass(frozen=True)
class BankEntry:
    """One entry (`Ntry`) of a bank statement."""

    id: str
    """The bank's own reference (`AcctSvcrRef`), unique at the bank."""
    account: str
    """IBAN."""
    booked: date
    cents: int
    currency: str
    reference: str
    """What the payer called it; empty if the bank passed none on."""
    counterparty: str
    text: str
    """Remittance information, free text from outside."""
    reversal: bool
    """True if this entry takes back an earlier one (`RvslInd`)."""
    payments: int
    """Payments the bank booked as this one entry (`NbOfTxs` of a batch)."""
    original_cents: int | None
    """Amount as instructed, when that was in another currency; signed like `cents`."""
    original_currency: str


@dataclass(frozen=True)
class LedgerLine:
    """One posting to a bank account in the general ledger."""

    id: str
    account: str
    """IBAN."""
    entered: date
    """Day it was keyed in: from then on the export shows it."""
    posted: date
    """Day it counts for."""
    cents: int
    currency: str
    reference: str
    counterparty: str
    text: str
    document_cents: int | None
    """Amount on the invoice, when that was in another currency; signed like `cents`."""
    document_currency: str


@dataclass(frozen=True)
class Statement:
    """One account's day, as the bank reports it; its balances have been checked."""

    account: str
    currency: str
    sequence: int
    """Counts the account's statements without a gap (`ElctrncSeqNb`)."""
    day: date
    opening_cents: int
    closing_cents: int
    entries: tuple[BankEntry, ...]
    """In the bank's order."""


def cents_of(text: str) -> int:
    """Return the amount written in `text` in hundredths.

    Raises:
        ValueError: not a plain decimal number, or finer than a hundredth.
    """
    try:
        exact = Decimal(text.strip()) * 100
    except InvalidOperation as error:
        raise ValueError(f"'{text[:40]}' is not an amount") from error
    if not exact.is_finite() or exact != int(exact):
        raise ValueError(f"'{text[:40]}' is not an amount of whole hundredths")
    return int(exact)


def money(cents: int, currency: str) -> str:
    """Write an amount the way people read it: `-1,284.50 EUR`."""
    return f"{Decimal(cents) / 100:,.2f} {currency}"


def business_days(start: date, end: date) -> int:
    """Count business days (Monday to Friday) from `start` to `end`, negative if earlier.

    A Saturday or Sunday counts as the Friday before it. Public holidays are ignored.
    """
    return _business_ordinal(end) - _business_ordinal(start)


def _business_ordinal(day: date) -> int:
    weeks, weekday = divmod(day.toordinal() - 1, 7)
    return weeks * 5 + min(weekday, 4)


def references_in(text: str) -> tuple[str, ...]:
    """Return everything in `text` that is written like one of our references, in order."""
    return tuple(dict.fromkeys(_REFERENCE.findall(text)))


def party_key(name: str) -> str:
    """Return `name` without case, spaces and punctuation: banks respell names."""
    return "".join(c for c in name.casefold() if c.isalnum())


def quoted(text: str, limit: int = QUOTE_LIMIT) -> Untrusted:
    """Fence foreign text: one line, no control or direction characters, cut at `limit`."""
    flat = _CONTROL.sub(" ", text).strip()
    return {"untrusted": True, "quote": flat if len(flat) <= limit else flat[: limit - 1] + "…"}
