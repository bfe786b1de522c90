"""Reads the general ledger's CSV export, refusing a file it cannot read in full."""

import csv
from datetime import date
from pathlib import Path
from typing import Any

from reconciliation_entries import LedgerLine, cents_of

COLUMNS = (
    "line_id",
    "entered_on",
    "posting_date",
    "account",
    "amount",
    "currency",
    "reference",
    "counterparty",
    "document_amount",
    "document_currency",
    "text",
)


class LedgerError(ValueError):
    """An export that cannot be trusted; the message names file, line and remedy."""


def read_ledger(path: Path, until: date) -> tuple[LedgerLine, ...]:
    """Read the lines entered up to and including `until`, in file order.

    Raises:
        LedgerError: other columns than `COLUMNS`, a bad value, a repeated line id.
        OSError: the file cannot be read.
    """
    seen: set[str] = set()
    lines: list[LedgerLine] = []
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, strict=True)
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise LedgerError(f"{path.name}:1: the columns must be {','.join(COLUMNS)}")
        try:
            for row in rows:
                line = _line(row)
                if line.id in seen:
                    raise ValueError(f"line id {line.id} appears twice")
                seen.add(line.id)
                if line.entered <= until:
                    lines.append(line)
        except (ValueError, csv.Error) as error:
            raise LedgerError(f"{path.name}:{rows.line_num}: {error}: export it again") from error
    return tuple(lines)


def _line(row: dict[str | Any, str | Any]) -> LedgerLine:
    # A long row has its rest under the key None, a short one None as values.
    if None in row or None in row.values() or not row["line_id"]:
        raise ValueError(f"not {len(COLUMNS)} values, or no line id")
    document = row["document_amount"]
    return LedgerLine(
        id=row["line_id"],
        account=row["account"],
        entered=date.fromisoformat(row["entered_on"]),
        posted=date.fromisoformat(row["posting_date"]),
        cents=cents_of(row["amount"]),
        currency=row["currency"],
        reference=row["reference"],
        counterparty=row["counterparty"],
        text=row["text"],
        document_cents=cents_of(document) if document else None,
        document_currency=row["document_currency"],
    )
