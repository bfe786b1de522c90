"""Reads bank statements in camt.053.001.08, the XML that banks deliver (ISO 20022).

A statement comes from outside, so nothing in it is believed: entities and document types
are refused, the parser never opens the network, and opening balance plus entries must
give the closing balance, or the file is cut or forged.

*Source:* ISO 20022 message definition BankToCustomerStatementV08.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from lxml import etree
from reconciliation_entries import BankEntry, Statement, cents_of, money, references_in

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
SIZE_LIMIT = 32 * 1024 * 1024
"""Bytes of one file; a day of a busy account has about a hundredth of it."""

_NOT_PROVIDED = "NOTPROVIDED"
"""What the standard puts where the payer gave no reference."""


class StatementError(ValueError):
    """A statement that cannot be trusted; the message says which, where and what to do."""


def read_statements(path: Path) -> tuple[Statement, ...]:
    """Read all statements of one camt.053 file, in file order.

    Raises:
        StatementError: not XML, not camt.053.001.08, a document type, a missing or bad
            element, or balances that do not add up.
        OSError: the file cannot be read.
    """
    try:
        root = _parse(path)
        statements = tuple(_statement(node) for node in _all(root, "BkToCstmrStmt/Stmt"))
    except etree.XMLSyntaxError as error:
        raise StatementError(
            f"{path.name}: not well-formed, safe XML ({error.msg}): fetch the file again"
        ) from error
    except ValueError as error:
        raise StatementError(f"{path.name}: {error}") from error
    if not statements:
        raise StatementError(f"{path.name}: no BkToCstmrStmt/Stmt in it: fetch the file again")
    return statements


def _parse(path: Path) -> etree._Element:
    if path.stat().st_size > SIZE_LIMIT:
        raise ValueError(f"larger than {SIZE_LIMIT // 2**20} MiB: ask the bank to split it")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    root = etree.fromstring(path.read_bytes(), parser)
    if root.getroottree().docinfo.doctype:
        raise ValueError("has a document type, which no bank sends: do not use this file")
    name = etree.QName(root)
    if name.namespace != NAMESPACE or name.localname != "Document":
        raise ValueError(
            f"is <{name.localname}> of '{name.namespace}', not <Document> of '{NAMESPACE}': "
            "ask the bank for camt.053 version 08"
        )
    return root


def _statement(node: etree._Element) -> Statement:
    account = _text(node, "Acct/Id/IBAN")
    currency = _text(node, "Acct/Ccy")
    opening, _ = _balance(node, "OPBD", currency)
    closing, day = _balance(node, "CLBD", currency)
    entries = tuple(
        _entry(entry, account, currency)
        for entry in _all(node, "Ntry")
        if _text(entry, "Sts/Cd") == "BOOK"
    )
    total = opening + sum(entry.cents for entry in entries)
    if total != closing:
        raise ValueError(
            f"statement {_text(node, 'Id')}: opening balance plus entries is "
            f"{money(total, currency)}, its closing balance {money(closing, currency)}: "
            "the file is incomplete, fetch it again"
        )
    sequence = _text(node, "ElctrncSeqNb")
    if not sequence.isdecimal():
        raise ValueError(f"ElctrncSeqNb '{sequence[:40]}' is not a number")
    return Statement(account, currency, int(sequence), day, opening, closing, entries)


def _balance(node: etree._Element, code: str, currency: str) -> tuple[int, date]:
    for balance in _all(node, "Bal"):
        if _text(balance, "Tp/CdOrPrtry/Cd") == code:
            return _amount(balance, currency), date.fromisoformat(_text(balance, "Dt/Dt"))
    raise ValueError(f"statement {_text(node, 'Id')}: no balance {code}")


def _entry(node: etree._Element, account: str, currency: str) -> BankEntry:
    cents = _amount(node, currency)
    details = node.find(_path("NtryDtls/TxDtls"))
    instructed = node.find(_path("NtryDtls/TxDtls/AmtDtls/InstdAmt/Amt"))
    original, original_currency = None, ""
    if instructed is not None and instructed.get("Ccy") != currency:
        original_currency = instructed.get("Ccy", "")
        original = cents_of(instructed.text or "") * (1 if cents >= 0 else -1)
    party = "Dbtr" if cents >= 0 else "Cdtr"
    text = " ".join(_optional(n) for n in _all(node, "NtryDtls/TxDtls/RmtInf/Ustrd"))
    return BankEntry(
        id=_text(node, "AcctSvcrRef"),
        account=account,
        booked=date.fromisoformat(_text(node, "BookgDt/Dt")),
        cents=cents,
        currency=currency,
        reference=_reference(_optional(details, "Refs/EndToEndId"), text),
        counterparty=_optional(details, f"RltdPties/{party}/Pty/Nm"),
        text=text,
        reversal=_optional(node, "RvslInd") in ("true", "1"),
        payments=int(_optional(node, "NtryDtls/Btch/NbOfTxs") or 1),
        original_cents=original,
        original_currency=original_currency,
    )


def _reference(end_to_end: str, text: str) -> str:
    """The payer's reference, or the one reference the text names.

    Only what is written like a reference counts: the field is free text from outside.
    """
    field = "" if end_to_end == _NOT_PROVIDED else end_to_end
    found = references_in(field) or references_in(text)
    return found[0] if len(found) == 1 else ""


def _amount(node: etree._Element, currency: str) -> int:
    amount = node.find(_path("Amt"))
    if amount is None or amount.get("Ccy") != currency:
        raise ValueError(f"an amount is not in the account's currency {currency}")
    cents = cents_of(amount.text or "")
    direction = _text(node, "CdtDbtInd")
    if cents < 0 or direction not in ("CRDT", "DBIT"):
        raise ValueError(f"amount '{amount.text}' with CdtDbtInd '{direction[:40]}'")
    return cents if direction == "CRDT" else -cents


def _path(path: str) -> str:
    return "/".join(f"{{{NAMESPACE}}}{step}" for step in path.split("/"))


def _all(node: etree._Element, path: str) -> Iterator[etree._Element]:
    return node.iterfind(_path(path))


def _text(node: etree._Element, path: str) -> str:
    value = _optional(node, path)
    if not value:
        raise ValueError(f"<{etree.QName(node).localname}> without {path}")
    return value


def _optional(node: etree._Element | None, path: str = "") -> str:
    found = node.find(_path(path)) if node is not None and path else node
    return (found.text or "").strip() if found is not None else ""
