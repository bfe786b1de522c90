"""Writes `data/`: 90 bank statements, the ledger's export, and the truth about both.

    python examples/reconciliation/generate.py [folder]

Seeded: running it again gives the same bytes. A company pays suppliers from one account,
is paid by customers on another and pays its staff from a third. Bank and ledger agree
except for the usual delays and cents, and for what `generate_plants` plants.
"""

import csv
import io
import json
import sys
from datetime import date
from pathlib import Path
from random import Random

from generate_camt import statement_xml
from generate_drafts import ACCOUNTS, DAYS, BankDraft, Books, day_of, ordinary_day
from generate_plants import plant_all
from reconciliation_ledger import COLUMNS

SEED = 20261001

OPENING_CENTS = {"operating": 9_612_480_55, "collections": 98_214_07, "payroll": 9_540_000_00}


def generate(folder: Path) -> None:
    """Write statements, `ledger.csv` and `truth.json` into `folder`, replacing them."""
    rng = Random(SEED)
    books = Books(rng)
    for number in range(1, DAYS + 1):
        for account in ACCOUNTS:
            ordinary_day(books, account, number)
    plants = plant_all(books)
    rng.shuffle(books.bank)
    rng.shuffle(books.lines)

    statements = folder / "statements"
    statements.mkdir(parents=True, exist_ok=True)
    for old in statements.glob("*.xml"):
        old.unlink()
    for account, iban in ACCOUNTS.items():
        balance = OPENING_CENTS[account]
        for number in range(1, DAYS + 1):
            entries = _numbered(books.bank, account, number)
            text, balance = statement_xml(iban, number, day_of(number), balance, entries)
            name = f"{day_of(number)}_{iban}.xml"
            (statements / name).write_text(text, encoding="utf-8", newline="\n")
    _write(folder / "ledger.csv", _ledger_csv(books))
    truth = {
        "seed": SEED,
        "days": DAYS,
        "bank_entries": len(books.bank),
        "ledger_lines": len(books.lines),
        "planted": [plant.document() for plant in plants],
    }
    _write(folder / "truth.json", json.dumps(truth, indent=1, ensure_ascii=False) + "\n")


def _numbered(bank: list[BankDraft], account: str, number: int) -> list[BankDraft]:
    day = day_of(number)
    entries = [e for e in bank if e.account == account and e.day == day]
    # A bank books the original before its twin: the second is the one too many.
    entries.sort(key=lambda entry: entry.late)
    branch = tuple(ACCOUNTS).index(account) + 1
    for position, entry in enumerate(entries, 1):
        entry.id = f"NWB{branch}-{day:%y%m%d}-{position:04d}"
    return entries


def _ledger_csv(books: Books) -> str:
    books.lines.sort(key=lambda line: (line.entered, line.late))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, line in enumerate(books.lines, 1):
        line.id = f"GL-{100_000 + number}"
        document, currency = line.document or ("", "")
        writer.writerow(
            (
                line.id,
                _iso(line.entered),
                _iso(line.posted),
                ACCOUNTS[line.account],
                _decimal(line.cents),
                "EUR",
                line.reference,
                line.party,
                _decimal(document) if isinstance(document, int) else "",
                currency,
                line.text,
            )
        )
    return out.getvalue()


def _iso(day: date) -> str:
    return day.isoformat()


def _decimal(cents: int) -> str:
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "data")
