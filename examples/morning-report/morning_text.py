"""From figures to a report: subject, plain text and HTML, sealed. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256
from html import escape
from typing import Any

from morning_books import AccountDay

COLUMNS = ("account", "opening", "in", "out", "closing", "ledger", "difference")


@dataclass(frozen=True)
class Figures:
    """What a report is made of."""

    day: date
    """The business day it is about."""
    expected: date | None
    """The business day it should be about; None if nobody said for which morning it is."""
    accounts: tuple[AccountDay, ...]

    @property
    def warning(self) -> str:
        """A line that must not be overlooked; empty if all is as it should be."""
        if self.expected is None or self.day >= self.expected:
            return ""
        return (
            f"The bank's statements of {self.expected} are not here yet: these are of {self.day}."
        )

    @property
    def headline(self) -> str:
        """The totals per currency, in one sentence each."""
        sentences: list[str] = []
        for currency in sorted({a.currency for a in self.accounts}):
            own = [a for a in self.accounts if a.currency == currency]
            closing = money(sum(a.closing for a in own), currency)
            moved = money(sum(a.moved for a in own), currency, sign=True)
            apart = [a for a in own if a.difference]
            sentences.append(
                f"{len(own)} accounts closed with {closing} on {self.day}, {moved} over the day. "
                f"Bank and ledger of the day differ on {len(apart)} of them, by "
                f"{money(sum(a.difference for a in own), currency, sign=True)} in all."
            )
        return " ".join(sentences)

    def document(self) -> dict[str, Any]:
        """What a model is shown: amounts as people write them, so nothing is left to compute."""
        return {
            "day": self.day.isoformat(),
            "warning": self.warning,
            "headline": self.headline,
            "accounts": [
                {
                    "account": a.account,
                    "currency": a.currency,
                    "opening": money(a.opening),
                    "money_in": money(a.money_in),
                    "money_out": money(a.money_out),
                    "closing": money(a.closing),
                    "bank_entries": a.entries,
                    "ledger": money(a.posted),
                    "ledger_lines": a.lines,
                    "difference": money(a.difference),
                }
                for a in self.accounts
            ],
        }


def money(cents: int, currency: str = "", *, sign: bool = False) -> str:
    """Write an amount the way people read it: `-1,284.50 EUR`."""
    return f"{Decimal(cents) / 100:{'+' if sign else ''},.2f} {currency}".rstrip()


def render(figures: Figures, summary: str) -> dict[str, str]:
    """Return the report as a mail needs it. Equal figures and summaries give equal bytes."""
    rows = [_row(account) for account in figures.accounts]
    lead = [part for part in (figures.warning, " ".join(summary.split())) if part]
    report = {
        "day": figures.day.isoformat(),
        "subject": f"Bank accounts on {figures.day:%a %d %b %Y}"
        + (" (older statements)" if figures.warning else ""),
        "text": "\n\n".join([*lead, _table(rows), ""]),
        "html": _html(lead, rows),
    }
    return {**report, "seal": seal(report)}


def seal(report: Mapping[str, Any]) -> str:
    """Return the digest of a report without its seal: changed on its way, it does not fit."""
    named = {name: report.get(name) for name in ("day", "subject", "text", "html")}
    return sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()


def _row(account: AccountDay) -> tuple[str, ...]:
    amounts = (
        account.opening,
        account.money_in,
        -account.money_out,
        account.closing,
        account.posted,
        account.difference,
    )
    return (f"{account.account} {account.currency}", *(money(amount) for amount in amounts))


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[n]) for row in [COLUMNS, *rows]) for n in range(len(COLUMNS))]
    lines = ["  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]
    head = "  ".join(cell.rjust(w) for cell, w in zip(COLUMNS, widths, strict=True))
    return "\n".join([head, *lines])


def _html(lead: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(tag: str, cells: Sequence[str]) -> str:
        inner = "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells)
        return f'<tr align="right">{inner}</tr>'

    paragraphs = "".join(f"<p>{escape(text)}</p>" for text in lead)
    table = "".join([line("th", COLUMNS), *(line("td", row) for row in rows)])
    return (
        '<html><body style="font-family:sans-serif;font-size:14px">'
        f'{paragraphs}<table cellpadding="6">{table}</table></body></html>\n'
    )
