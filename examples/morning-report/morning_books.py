"""The figures of one business day, from the bank's statements and the ledger's export.

Reads the files of the reconciliation example and nothing else: balances and movements from
camt.053.001.08, postings from the CSV. Only sums and dates are taken over; what strangers
wrote into a payment never gets into a report. Money is an integer of cents, signed.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

from lxml import etree

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
_FILE_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})_.+\.xml")


class BooksError(ValueError):
    """Files that no report can be made of; the message says which and what to do."""


@dataclass(frozen=True)
class AccountDay:
    """One account's day, as the bank and as the ledger have it."""

    account: str
    """IBAN."""
    currency: str
    opening: int
    closing: int
    money_in: int
    money_out: int
    """Not negative."""
    entries: int
    """Booked entries of the statement."""
    posted: int
    """Sum of the ledger lines posted to this day."""
    lines: int

    @property
    def moved(self) -> int:
        """What the bank booked in all."""
        return self.money_in - self.money_out

    @property
    def difference(self) -> int:
        """What the bank has booked beyond the ledger; payments under way are part of it."""
        return self.moved - self.posted


def business_day_before(day: date) -> date:
    """Return the last Monday to Friday before `day`; public holidays are ignored."""
    before = day - timedelta(days=1)
    return before - timedelta(days=max(0, before.weekday() - 4))


def statement_day(folder: Path, before: date | None) -> date:
    """Return the newest day before `before` that has statements; of all days without it.

    Raises:
        BooksError: no such folder, or no statement of an earlier day in it.
    """
    days = [day for day, _ in _files(folder) if before is None or day < before]
    if not days:
        raise BooksError(f"{folder}: no statement before {before}: fetch the bank's files")
    return max(days)


def read_day(statements: Path, ledger: Path, day: date) -> tuple[AccountDay, ...]:
    """Return every account that has had a statement by `day`, in the order of the IBANs.

    Raises:
        BooksError: a file cannot be believed, or an account's statement of the day is missing.
        OSError: a file cannot be read.
    """
    known: set[str] = set()
    found: dict[str, AccountDay] = {}
    postings = _postings(ledger, day)
    for of, path in _files(statements):
        if of <= day:
            known.add(path.stem.partition("_")[2])
        if of == day:
            read = _read_statement(path, postings)
            found[read.account] = read
    if len(found) < len(known):
        raise BooksError(
            f"{statements}: {len(known)} accounts are known and {len(found)} have a statement of "
            f"{day}: fetch the missing one"
        )
    return tuple(found[account] for account in sorted(found))


def _files(folder: Path) -> Iterator[tuple[date, Path]]:
    if not folder.is_dir():
        raise BooksError(f"no folder {folder}: set the input 'statements' to where they are")
    for path in sorted(folder.iterdir()):
        name = _FILE_NAME.fullmatch(path.name)
        if name:
            yield date.fromisoformat(name[1]), path


def _read_statement(path: Path, postings: dict[str, tuple[int, int]]) -> AccountDay:
    # No entities, no network: the file comes from outside.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(path.read_bytes(), parser)
        account = _text(root, ".//{*}Acct/{*}Id/{*}IBAN")
        opening, closing = _balance(root, "OPBD"), _balance(root, "CLBD")
        amounts = [
            _amount(entry)
            for entry in root.iterfind(f".//{{{NAMESPACE}}}Ntry")
            if _text(entry, "{*}Sts/{*}Cd") == "BOOK"
        ]
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BooksError(f"{path.name}: {error}: fetch the file again") from error
    if opening + sum(amounts) != closing:
        raise BooksError(f"{path.name}: balances and entries do not add up: fetch the file again")
    posted, lines = postings.get(account, (0, 0))
    return AccountDay(
        account=account,
        currency=_text(root, ".//{*}Acct/{*}Ccy"),
        opening=opening,
        closing=closing,
        money_in=sum(amount for amount in amounts if amount > 0),
        money_out=-sum(amount for amount in amounts if amount < 0),
        entries=len(amounts),
        posted=posted,
        lines=lines,
    )


def _postings(ledger: Path, day: date) -> dict[str, tuple[int, int]]:
    """Sum and count per account of what is posted to `day` and was entered by then."""
    sums: dict[str, tuple[int, int]] = {}
    with ledger.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, strict=True)
        try:
            for row in rows:
                entered = date.fromisoformat(row["entered_on"])
                if entered <= day == date.fromisoformat(row["posting_date"]):
                    cents, lines = sums.get(row["account"], (0, 0))
                    sums[row["account"]] = (cents + _cents(row["amount"]), lines + 1)
        except (KeyError, TypeError, ValueError, csv.Error) as error:
            what = f"{ledger.name}:{rows.line_num}: {error}"
            raise BooksError(f"{what}: export the ledger again") from error
    return sums


def _balance(root: etree._Element, code: str) -> int:
    for balance in root.iterfind(f".//{{{NAMESPACE}}}Bal"):
        if _text(balance, "{*}Tp/{*}CdOrPrtry/{*}Cd") == code:
            return _amount(balance)
    raise ValueError(f"no balance {code}")


def _amount(node: etree._Element) -> int:
    cents = _cents(_text(node, "{*}Amt"))
    return cents if _text(node, "{*}CdtDbtInd") == "CRDT" else -cents


def _text(node: etree._Element, path: str) -> str:
    found = node.find(path)
    if found is None or not found.text:
        raise ValueError(f"no {path.replace('{*}', '')}")
    return found.text.strip()


def _cents(text: str) -> int:
    try:
        cents = Decimal(text) * 100
    except InvalidOperation as error:
        raise ValueError(f"'{text[:40]}' is not an amount") from error
    if not cents.is_finite() or cents != int(cents):
        raise ValueError(f"'{text[:40]}' is not an amount of whole cents")
    return int(cents)
