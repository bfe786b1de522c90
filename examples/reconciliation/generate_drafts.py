"""The company's ordinary business: payments as the bank and as the ledger will show them.

Drafts have no ids yet; `generate` numbers them once all are there, so that an id says
nothing about what was planted.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

DAYS = 30
"""Business days, from Thursday 1 October to Wednesday 11 November 2026."""

PER_DAY = 57
"""Ordinary payments of each account and day."""

ACCOUNTS = {
    "operating": "DE12123456780000100001",
    "collections": "DE82123456780000100002",
    "payroll": "DE55123456780000100003",
}
"""IBANs with correct check digits, of a bank that does not exist."""

_FIRST = date(2026, 10, 1)
_STEMS = (
    "Alster", "Birken", "Dollart", "Elbtal", "Falken", "Geest", "Harz", "Isar", "Kogge",
    "Lotsen", "Marsch", "Nordlicht",
)  # fmt: skip
_TRADES = (
    "Stahlbau", "Logistik", "Werft", "Elektronik", "Druckerei", "Möbel", "Software",
    "Verpackung",
)  # fmt: skip
_FORMS = "GmbH", "AG", "KG"
_FIRST_NAMES = (
    "Anna", "Bela", "Cem", "Dora", "Emil", "Finja", "Goran", "Hanna", "Ida", "Jonas", "Kira",
    "Lars", "Mina", "Noor", "Ole",
)  # fmt: skip
_LAST_NAMES = (
    "Albers", "Brandt", "Cordes", "Demir", "Eggers", "Franke", "Groth", "Hansen", "Jansen",
    "Krüger", "Lorenz",
)  # fmt: skip
_SUBJECTS = "monthly delivery", "spare parts", "consulting", "freight", "licence", "repairs"


@dataclass
class BankDraft:
    """A bank entry to be; the fields mean what `BankEntry`'s do."""

    account: str
    day: date
    cents: int
    end_to_end: str
    party: str
    text: str
    reversal: bool = False
    payments: int = 1
    original: tuple[int, str] | None = None
    code: str = ""
    """Bank transaction code; empty for the usual one of the direction."""
    late: int = 0
    """Puts the entry behind the others of its day."""
    id: str = ""


@dataclass
class LineDraft:
    """A ledger line to be; the fields mean what `LedgerLine`'s do."""

    account: str
    entered: date
    posted: date
    cents: int
    reference: str
    party: str
    text: str
    document: tuple[int, str] | None = None
    late: int = 0
    id: str = ""


@dataclass
class Books:
    """Both sides as they grow, and the one source of randomness."""

    rng: Random
    bank: list[BankDraft] = field(default_factory=list[BankDraft])
    lines: list[LineDraft] = field(default_factory=list[LineDraft])
    counter: int = 0

    def chance(self, percent: int) -> bool:
        """True in `percent` of a hundred cases."""
        return self.rng.randrange(100) < percent

    def pick(self, options: tuple[str, ...]) -> str:
        """One of `options`."""
        return options[self.rng.randrange(len(options))]

    def reference(self, account: str) -> str:
        """The next reference, never used before."""
        self.counter += 1
        # Scattered, so that a number does not tell what was planted last.
        number = 10_000 + self.counter * 7919 % 89_989
        prefix = {"operating": "PO", "collections": "INV", "payroll": "SAL"}[account]
        return f"{prefix}-2026-{number}"

    def amount(self, account: str) -> int:
        """A plausible amount in cents; negative where the company pays."""
        cents = self.rng.randrange(20_00, 900_00) * (1 + self.rng.randrange(12))
        return cents if account == "collections" else -cents

    def party(self, account: str) -> str:
        """A firm, or a member of the staff."""
        if account == "payroll":
            return f"{self.pick(_FIRST_NAMES)} {self.pick(_LAST_NAMES)}"
        return f"{self.pick(_STEMS)} {self.pick(_TRADES)} {self.pick(_FORMS)}"

    def payment(self, account: str, number: int) -> tuple[BankDraft, LineDraft]:
        """One payment that both sides show alike on business day `number`; not added yet."""
        reference, party = self.reference(account), self.party(account)
        cents, day = self.amount(account), day_of(number)
        subject = "salary" if account == "payroll" else self.pick(_SUBJECTS)
        text = f"{reference} {subject}"
        code = "PMNT/ICDT/SALA" if account == "payroll" else ""
        entry = BankDraft(account, day, cents, reference, party, text, code=code)
        return entry, LineDraft(account, day, day, cents, reference, party, subject)

    def add(self, entry: BankDraft, line: LineDraft) -> None:
        """Add a payment to both sides."""
        self.bank.append(entry)
        self.lines.append(line)


def day_of(number: int) -> date:
    """Return business day `number`, 1 being the first; 0 and below come before it."""
    monday = _FIRST - timedelta(days=_FIRST.weekday())
    weeks, weekday = divmod(number - 1 + _FIRST.weekday(), 5)
    return monday + timedelta(weeks=weeks, days=weekday)


def ordinary_day(books: Books, account: str, number: int) -> None:
    """Add a day's payments on which both sides agree, with the usual noise."""
    for _ in range(PER_DAY):
        entry, line = books.payment(account, number)
        _delay(books, line, number)
        if books.chance(3):
            line.cents += 1 + books.rng.randrange(2)
        if books.chance(5):
            entry.end_to_end = "NOTPROVIDED"  # the reference is in the text alone
        if books.chance(30):
            entry.party = entry.party.upper()
        books.add(entry, line)
    if account == "operating":
        _card_payment(books, number)
    if number % 5 == 3:
        _standing_order(books, account, number)


def _delay(books: Books, line: LineDraft, number: int) -> None:
    lag = (*[0] * 14, 1, 1, 1, -1, -1, 2, -2)[books.rng.randrange(21)]
    line.entered = line.posted = day_of(min(number + lag, DAYS))


def _card_payment(books: Books, number: int) -> None:
    """The bank passes on no reference: only name and amount tell."""
    entry, line = books.payment("operating", number)
    entry.end_to_end, entry.text, entry.code = "NOTPROVIDED", "Card payment", "PMNT/CCRD/POSD"
    _delay(books, line, number)
    books.add(entry, line)


def _standing_order(books: Books, account: str, number: int) -> None:
    """Every week the same reference and amount: alike, and yet not doubled."""
    entry, line = books.payment(account, number)
    position = tuple(ACCOUNTS).index(account)
    entry.cents = line.cents = (-2_450_00, 1_180_00, -615_00)[position]
    entry.party = line.party = ("Harz Immobilien KG", "Geest Lagerhaus AG", "Isar Pension AG")[
        position
    ]
    entry.end_to_end = line.reference = f"LEASE-778{position}"
    entry.text = f"{line.reference} weekly"
    _delay(books, line, number)
    books.add(entry, line)
