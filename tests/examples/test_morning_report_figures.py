"""The figures against an independent computation, and what no report can be made of."""

import csv
import json
import re
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from rota.tools import ToolError
from tests.examples.morning import BOOKS, FLEET, Office

AMOUNT = r'<Amt Ccy="EUR">([\d.]+)</Amt><CdtDbtInd>(CRDT|DBIT)</CdtDbtInd>'
DAYS = sorted({path.name[:10] for path in (BOOKS / "statements").iterdir()})


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """The tools, with nothing sent yet."""
    return Office(tmp_path)


def signed(amount: str, direction: str) -> Decimal:
    """An amount of a statement from the account's point of view."""
    return Decimal(amount) * (1 if direction == "CRDT" else -1)


def computed(day: str) -> dict[str, dict[str, Decimal]]:
    """The figures of one day, by regular expressions over the files."""
    figures: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for path in (BOOKS / "statements").glob(f"{day}_*.xml"):
        text = path.read_text(encoding="utf-8")
        own = figures[path.stem.partition("_")[2]]
        for code, amount, direction in re.findall(
            rf"<Cd>(\w+)</Cd></CdOrPrtry></Tp>{AMOUNT}", text
        ):
            own["opening" if code == "OPBD" else "closing"] = signed(amount, direction)
        for entry in re.findall(rf"<NtryRef>\d+</NtryRef>{AMOUNT}", text):
            amount = signed(*entry)
            own["money_in" if amount > 0 else "money_out"] += abs(amount)
            own["bank_entries"] += 1
    with (BOOKS / "ledger.csv").open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            if line["posting_date"] == day and line["entered_on"] <= day:
                figures[line["account"]]["ledger"] += Decimal(line["amount"])
                figures[line["account"]]["ledger_lines"] += 1
    return figures


def the_morning_after(day: str) -> str:
    """A slot so early on the next day that UTC still has the day itself."""
    return f"{day}T23:30:00Z"


@pytest.mark.parametrize("day", [DAYS[0], DAYS[1], DAYS[14], DAYS[-1]])
def test_figures_are_those_of_the_files(office: Office, day: str) -> None:
    """Balances, movements, postings and the difference, of each account, to the cent."""
    office.slot = the_morning_after(day)
    report = office.call("report.figures")
    expected = computed(day)
    assert report["day"] == day
    assert {account["account"] for account in report["accounts"]} == set(expected)
    for account in report["accounts"]:
        own = expected[account["account"]]
        own["difference"] = own["money_in"] - own["money_out"] - own["ledger"]
        shown = {name: Decimal(str(account[name]).replace(",", "")) for name in own}
        assert shown == own


@pytest.mark.parametrize(
    ("slot", "day", "warns"),
    [
        ("2026-11-11T05:00:00Z", "2026-11-10", False),
        ("2026-11-09T05:00:00Z", "2026-11-06", False),  # a Monday: Friday's statements
        ("2026-11-23T05:00:00Z", "2026-11-11", True),
        (None, "2026-11-11", False),
    ],
)
def test_figures_are_of_the_business_day_before_the_slot(
    office: Office, slot: str | None, day: str, warns: bool
) -> None:
    """Monday reports Friday; if the bank is behind, the report says so everywhere."""
    office.slot = slot
    assert office.call("report.figures")["day"] == day
    report = office.report()
    told = "are not here yet"
    assert [told in report["text"], told in report["html"]] == [warns, warns]
    assert report["subject"].endswith("(older statements)") is warns


def test_report_leads_with_the_summary_and_shows_every_figure(office: Office) -> None:
    """Both forms of the mail hold the same figures, and the words are no HTML."""
    summary = "Look at <DE12> & the rest."
    report = office.call("report.render", summary=summary)
    assert summary in report["text"]
    assert "Look at &lt;DE12&gt; &amp; the rest." in report["html"]
    for account in office.call("report.figures")["accounts"]:
        for name in ("account", "opening", "money_in", "closing", "ledger", "difference"):
            assert account[name] in report["text"]
            assert account[name] in report["html"]


def test_report_is_what_its_schema_promises_and_travels_inline(office: Office) -> None:
    """The result of the node is at most 4 KiB, so it shows in the UI as it is."""
    report = office.report()
    schema = json.loads((FLEET / "schemas" / "report.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(report)
    assert len(json.dumps(report)) <= 4096


def test_report_made_again_is_the_same(office: Office) -> None:
    """A re-run of a slot makes the same report, byte for byte."""
    assert office.report() == office.report()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.write_text(path.read_text()[:900]), "fetch the file again"),
        (
            lambda path: path.write_text(path.read_text().replace("DBIT", "CRDT", 1)),
            "do not add up: fetch the file again",
        ),
        (lambda path: path.unlink(), "3 accounts are known and 2 have a statement"),
    ],
)
def test_figures_of_a_bad_statement_are_refused(office: Office, spoil: Any, message: str) -> None:
    """No report is better than a wrong one, and the refusal says what to fetch."""
    (path,) = (office.copy_books() / "statements").glob("2026-11-11_DE12*.xml")
    spoil(path)
    with pytest.raises(ToolError, match=message):
        office.call("report.figures")


def test_figures_of_a_torn_ledger_are_refused_by_line(office: Office) -> None:
    """The export is believed in full or not at all."""
    ledger = office.copy_books() / "ledger.csv"
    ledger.write_text(ledger.read_text(encoding="utf-8") + "torn off\n", encoding="utf-8")
    with pytest.raises(ToolError, match=r"ledger\.csv:\d+: .* export the ledger again"):
        office.call("report.figures")


def test_figures_before_the_first_statement_are_refused(office: Office) -> None:
    """There is nothing to report of."""
    office.slot = "2026-09-01T05:00:00Z"
    with pytest.raises(ToolError, match="no statement before 2026-09-01"):
        office.call("report.figures")
