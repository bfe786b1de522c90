"""Writes one account's day as camt.053.001.08, one entry per line."""

from datetime import date, timedelta
from xml.sax.saxutils import escape

from generate_drafts import BankDraft
from reconciliation_camt import NAMESPACE

CURRENCY = "EUR"
_WINTER_TIME = date(2026, 10, 25)


def statement_xml(
    iban: str, number: int, day: date, opening: int, entries: list[BankDraft]
) -> tuple[str, int]:
    """Return the document and the closing balance in cents."""
    closing = opening + sum(entry.cents for entry in entries)
    made = f"{day + timedelta(days=1)}T02:{number:02d}:00{_offset(day + timedelta(days=1))}"
    head = (
        f"<GrpHdr><MsgId>NWB-{day:%Y%m%d}-{iban[-6:]}</MsgId><CreDtTm>{made}</CreDtTm></GrpHdr>\n"
        f"<Stmt><Id>{iban[-6:]}-{day:%Y%m%d}</Id><ElctrncSeqNb>{number}</ElctrncSeqNb>"
        f"<CreDtTm>{made}</CreDtTm>"
        f"<FrToDt><FrDtTm>{day}T00:00:00{_offset(day)}</FrDtTm>"
        f"<ToDtTm>{day}T23:59:59{_offset(day)}</ToDtTm></FrToDt>\n"
        f"<Acct><Id><IBAN>{iban}</IBAN></Id><Ccy>{CURRENCY}</Ccy>"
        f"<Ownr><Nm>Nordlicht Handel GmbH</Nm></Ownr></Acct>\n"
        f"{_balance('OPBD', opening, day)}\n{_balance('CLBD', closing, day)}\n"
    )
    body = "".join(f"{_entry(entry, n)}\n" for n, entry in enumerate(entries, 1))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Document xmlns="{NAMESPACE}"><BkToCstmrStmt>\n'
        f"{head}{body}</Stmt>\n</BkToCstmrStmt></Document>\n",
        closing,
    )


def _balance(code: str, cents: int, day: date) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{_amount(cents)}"
        f"<CdtDbtInd>{_direction(cents)}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"
    )


def _entry(entry: BankDraft, position: int) -> str:
    usual = "PMNT/RCDT/ESCT" if entry.cents > 0 else "PMNT/ICDT/ESCT"
    domain, family, sub = (entry.code or usual).split("/")
    reversal = "<RvslInd>true</RvslInd>" if entry.reversal else ""
    batch = f"<Btch><NbOfTxs>{entry.payments}</NbOfTxs></Btch>" if entry.payments > 1 else ""
    return (
        f"<Ntry><NtryRef>{position}</NtryRef>{_amount(entry.cents)}"
        f"<CdtDbtInd>{_direction(entry.cents)}</CdtDbtInd>{reversal}<Sts><Cd>BOOK</Cd></Sts>"
        f"<BookgDt><Dt>{entry.day}</Dt></BookgDt><ValDt><Dt>{entry.day}</Dt></ValDt>"
        f"<AcctSvcrRef>{entry.id}</AcctSvcrRef><BkTxCd><Domn><Cd>{domain}</Cd><Fmly>"
        f"<Cd>{family}</Cd><SubFmlyCd>{sub}</SubFmlyCd></Fmly></Domn></BkTxCd>"
        f"<NtryDtls>{batch}{_details(entry)}</NtryDtls></Ntry>"
    )


def _details(entry: BankDraft) -> str:
    party = "Dbtr" if entry.cents > 0 else "Cdtr"
    return (
        f"<TxDtls><Refs><EndToEndId>{escape(entry.end_to_end)}</EndToEndId></Refs>"
        f"{_foreign(entry)}<RltdPties><{party}><Pty><Nm>{escape(entry.party)}</Nm></Pty></{party}>"
        f"</RltdPties><RmtInf><Ustrd>{escape(entry.text)}</Ustrd></RmtInf></TxDtls>"
    )


def _foreign(entry: BankDraft) -> str:
    if entry.original is None:
        return ""
    cents, currency = entry.original
    return (
        f"<AmtDtls><InstdAmt>{_amount(cents, currency)}</InstdAmt><TxAmt>{_amount(entry.cents)}"
        f"<CcyXchg><SrcCcy>{currency}</SrcCcy><TrgtCcy>{CURRENCY}</TrgtCcy>"
        f"<XchgRate>{abs(entry.cents) / abs(cents):.6f}</XchgRate></CcyXchg></TxAmt></AmtDtls>"
    )


def _amount(cents: int, currency: str = CURRENCY) -> str:
    return f'<Amt Ccy="{currency}">{abs(cents) // 100}.{abs(cents) % 100:02d}</Amt>'


def _direction(cents: int) -> str:
    return "CRDT" if cents >= 0 else "DBIT"


def _offset(day: date) -> str:
    return "+01:00" if day >= _WINTER_TIME else "+02:00"
