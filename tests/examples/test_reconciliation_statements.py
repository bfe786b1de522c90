"""Statements and ledger exports that must not be believed."""

import shutil
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rota.tools import ToolError

NAME = "2026-10-01_DE12123456780000100001.xml"
SECRET = "the-secret-of-another-file"
BOMB = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 20}">' for n in range(1, 9))


@pytest.fixture
def lone(desk: Any, fleet: Path, tmp_path: Path) -> Any:
    """A desk with one account's first statement alone, to be tampered with."""
    folder = tmp_path / "statements"
    folder.mkdir()
    shutil.copy(fleet / "data" / "statements" / NAME, folder)
    (tmp_path / "secret.txt").write_text(SECRET)
    ledger = tmp_path / "ledger.csv"
    shutil.copy(fleet / "data" / "ledger.csv", ledger)
    desk.input |= {"statements": str(folder), "ledger": str(ledger)}
    return desk


def _with_doctype(text: str, declarations: str, reference: str) -> str:
    head, _, body = text.partition("\n")
    body = body.replace("<Ustrd>", f"<Ustrd>{reference}", 1)
    return f"{head}\n<!DOCTYPE Document [{declarations}]>\n{body}"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[: len(text) // 2], "not well-formed"),
        (lambda text: "", "not well-formed"),
        (lambda text: text.replace("camt.053.001.08", "camt.053.001.02"), "version 08"),
        (lambda text: text.replace(' xmlns="urn', ' xmlns:x="urn'), "version 08"),
        (lambda text: text.replace("Document", "Dokument"), "is <Dokument>"),
        (lambda text: text.replace("BkToCstmrStmt", "BkToCstmrRpt"), "no BkToCstmrStmt/Stmt"),
        (
            lambda text: _with_doctype(text, '<!ENTITY x SYSTEM "../secret.txt">', "&x;"),
            "document type",
        ),
        (
            lambda text: _with_doctype(text, '<!ENTITY x SYSTEM "http://127.0.0.1:9/">', "&x;"),
            "document type",
        ),
        (
            lambda text: _with_doctype(text, f'<!ENTITY l0 "lol">{BOMB}', "&l8;"),
            "safe XML|document type",
        ),
        (lambda text: text.replace("<Cd>CLBD</Cd>", "<Cd>ITBD</Cd>"), "no balance CLBD"),
        (lambda text: text.replace("<NtryRef>1<", "<!-- <NtryRef>1<", 1) + " -->", "well-formed"),
        (lambda text: text.replace("DBIT", "CRDT", 2), "plus entries is .* fetch it again"),
        (lambda text: text.replace("</Amt><CdtDbtInd>D", "9</Amt><CdtDbtInd>D", 1), "hundredths"),
        (lambda text: text.replace('Ccy="EUR"', 'Ccy="USD"', 3), "not in the account's currency"),
        (lambda text: text.replace("AcctSvcrRef", "AcctRef"), "without AcctSvcrRef"),
        (lambda text: text.replace("<IBAN>", "<Othr>").replace("</IBAN>", "</Othr>"), "Acct/Id/"),
        (lambda text: text.replace("2026-10-01", "2026-10-02"), "name the file after that day"),
        (lambda text: text.replace("<Dt>2026-10-01</Dt>", "<Dt>soon</Dt>"), "isoformat"),
    ],
)
def test_import_of_a_bad_statement_is_refused_by_name(lone: Any, change: Any, message: str) -> None:
    """Whatever is wrong with it, the file is named and nothing of it is imported."""
    path = Path(lone.input["statements"]) / NAME
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(ToolError, match=rf"^{NAME}: .*({message})") as refusal:
        lone.call("import_statements", "k")
    assert SECRET not in str(refusal.value)
    assert len(str(refusal.value)) <= 300
    assert lone.rows("SELECT count(*) FROM bank_entries") == [(0,)]


def test_import_of_an_entry_the_bank_repeats_is_refused(lone: Any) -> None:
    """Two entries of one AcctSvcrRef cannot both be true."""
    path = Path(lone.input["statements"]) / NAME
    text = path.read_text(encoding="utf-8").replace("-0002</AcctSvcrRef>", "-0001</AcctSvcrRef>")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ToolError, match="repeats an AcctSvcrRef"):
        lone.call("import_statements", "k")


def test_import_leaves_out_entries_that_are_not_booked(lone: Any) -> None:
    """A pending entry is no money yet; the balance does not count it either."""
    path = Path(lone.input["statements"]) / NAME
    text = path.read_text(encoding="utf-8")
    entry = next(line for line in text.splitlines() if line.startswith("<Ntry>"))
    pending = entry.replace("BOOK", "PDNG").replace("-0001<", "-9999<")
    path.write_text(text.replace(entry, f"{entry}\n{pending}"), encoding="utf-8")
    lone.call("import_statements", "k")
    assert lone.rows("SELECT count(*) FROM bank_entries WHERE id LIKE '%-9999'") == [(0,)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("posting_date", "date", 1), ":1: the columns must be"),
        (lambda text: text.replace("-2", "-zwei", 1), r"ledger\.csv:\d+: "),
        (lambda text: text.replace("GL-100002", "GL-100001"), "GL-100001 appears twice"),
        (lambda text: text.replace("GL-100002,", ""), "not 11 values"),
        (lambda text: text.replace(".23,EUR", ".235,EUR"), "whole hundredths"),
        (lambda text: text.replace(",salary", ',"salary', 1), r"ledger\.csv:\d+: "),
    ],
)
def test_import_of_a_bad_ledger_is_refused_by_line(lone: Any, change: Any, message: str) -> None:
    """The export is believed in full or not at all."""
    path = Path(lone.input["ledger"])
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(ToolError, match=message):
        lone.call("import_statements", "k")
    assert lone.rows("SELECT count(*) FROM bank_entries") == [(0,)]


@pytest.mark.parametrize("missing", ["statements", "ledger"])
def test_import_without_its_files_names_what_is_missing(lone: Any, missing: str) -> None:
    """A wrong path in the input is named."""
    lone.input[missing] = "data/nowhere"
    with pytest.raises(ToolError, match="data/nowhere"):
        lone.call("import_statements", "k")


def test_statements_of_an_account_carry_on_the_balance(
    fleet: Path, example: SimpleNamespace
) -> None:
    """Each opening balance is the closing one before; sequences and days run on."""
    accounts: dict[str, list[Any]] = {}
    for path in sorted((fleet / "data" / "statements").iterdir()):
        (statement,) = example.camt.read_statements(path)
        accounts.setdefault(statement.account, []).append(statement)
    assert [len(statements) for statements in accounts.values()] == [30, 30, 30]
    for statements in accounts.values():
        for before, after in pairwise(statements):
            assert after.opening_cents == before.closing_cents
            assert after.sequence == before.sequence + 1
            assert example.entries.business_days(before.day, after.day) == 1


def test_statement_fields_are_read_from_where_the_standard_puts_them(
    fleet: Path, example: SimpleNamespace, tmp_path: Path
) -> None:
    """Sign, reference, foreign amount, batch and reversal of one entry, read by hand."""
    text = (fleet / "data" / "statements" / NAME).read_text(encoding="utf-8")
    head = text[: text.index("<Bal>")]
    balance = (
        "<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy='EUR'>{amount}</Amt>"
        "<CdtDbtInd>{sign}</CdtDbtInd><Dt><Dt>2026-10-01</Dt></Dt></Bal>"
    )
    entry = (
        "<Ntry><Amt Ccy='EUR'>92.50</Amt><CdtDbtInd>DBIT</CdtDbtInd><RvslInd>true</RvslInd>"
        "<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-10-01</Dt></BookgDt>"
        "<AcctSvcrRef>X1</AcctSvcrRef><NtryDtls><Btch><NbOfTxs>2</NbOfTxs></Btch><TxDtls>"
        "<Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs><AmtDtls><InstdAmt>"
        "<Amt Ccy='USD'>100.00</Amt></InstdAmt></AmtDtls><RltdPties><Dbtr><Pty><Nm>Us</Nm></Pty>"
        "</Dbtr><Cdtr><Pty><Nm>Them</Nm></Pty></Cdtr></RltdPties>"
        "<RmtInf><Ustrd>your PO-2026-1 thanks</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
    )
    opening = balance.format(code="OPBD", amount="50.00", sign="CRDT")
    closing = balance.format(code="CLBD", amount="42.50", sign="DBIT")
    path = tmp_path / "one.xml"
    path.write_text(f"{head}{opening}{closing}{entry}</Stmt></BkToCstmrStmt></Document>")
    (statement,) = example.camt.read_statements(path)
    assert (statement.opening_cents, statement.closing_cents) == (5000, -4250)
    (read,) = statement.entries
    assert (read.cents, read.original_cents, read.original_currency) == (-9250, -10000, "USD")
    assert (read.reference, read.counterparty) == ("PO-2026-1", "Them")
    assert (read.reversal, read.payments) == (True, 2)
