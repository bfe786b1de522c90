"""An account as the command `rota budget` shows it: as JSON, and as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.text import Text

from rota.budgets.limits import Limit, format_amount, limits_of
from rota.budgets.reservations import Account, WindowKind
from rota.budgets.tallies import keys_at, tally_of
from rota.budgets.text import count_runs, limit_line
from rota.usage import format_cost
from workers.cli.output import console, format_time, print_table, table

SILENT = "no worker answers for it"


@dataclass(frozen=True)
class AccountView:
    """An account as it stands now."""

    kind: str
    """`agent` or `team`."""
    name: str
    account: Account | None
    """None: no worker answered."""
    at: datetime

    @property
    def limits(self) -> tuple[Limit, ...]:
        """Every limit of today and of this month."""
        return limits_of(self.account, self.at) if self.account else ()

    @property
    def document(self) -> dict[str, Any]:
        """The account as `--json` prints it."""
        account = self.account or Account()
        return {
            "kind": self.kind,
            "name": self.name,
            "timezone": account.timezone,
            "windows": [_window(account, kind, self.at) for kind in WindowKind],
            "limits": [_limit(limit) for limit in self.limits],
            "reserved": [
                {"run": hold.run.id, "since": hold.at.isoformat(), **hold.amount.model_dump()}
                for hold in account.holds.values()
                if hold.granted
            ],
            "waiting": [waiter.run.id for waiter in account.waiting],
            "note": SILENT if self.account is None else "",
        }


def print_accounts(views: Sequence[AccountView]) -> None:
    """Print what each account has come to, a line each."""
    made = table("ACCOUNT", "TODAY", "THIS MONTH", "LIMITS", "HELD", "WAITING", right=("HELD",))
    for view in views:
        name = Text(view.name if view.kind == "agent" else f"{view.kind} {view.name}")
        if view.account is None:
            made.add_row(name, Text(SILENT, "dim"))
            continue
        held = sum(hold.granted for hold in view.account.holds.values())
        made.add_row(
            name,
            *(Text(_spent(view.account, kind, view.at)) for kind in WindowKind),
            Text("\n".join(f"{each.key}: {each.used}" for each in view.limits) or "none"),
            Text(str(held)),
            Text(str(len(view.account.waiting))),
        )
    print_table(made)


def print_details(view: AccountView) -> None:
    """Print what is not in the table: until when limits last, who holds, waits and gave."""
    account = view.account
    if account is None:
        return
    out = console()
    for limit in view.limits:
        out.print(limit_line(limit, account.timezone), markup=False)
    for hold in account.holds.values():
        if hold.granted:
            amounts = (format_cost(hold.amount.micros), format_amount("tokens", hold.amount.tokens))
            since = format_time(hold.at)
            out.print(f"{hold.run.id} holds {', '.join(amounts)} since {since}", markup=False)
    for waiter in account.waiting:
        out.print(f"{waiter.run.id} waits for room", markup=False)
    for kind, key in keys_at(account, view.at).items():
        for given in tally_of(account, kind, key).raises:
            amount = _given(given.micros, given.tokens)
            by, why = given.by or "somebody", given.reason or "no reason told"
            out.print(f"{kind.value} {key} was raised by {amount} by {by}: {why}", markup=False)


def _given(micros: int, tokens: int) -> str:
    money = [format_cost(micros)] if micros else []
    return " and ".join(money + ([format_amount("tokens", tokens)] if tokens else []))


def _spent(account: Account, kind: WindowKind, at: datetime) -> str:
    tally = tally_of(account, kind, keys_at(account, at)[kind])
    unknown = f" + {format_cost(tally.unknown.micros)} unknown" if tally.unknown.micros else ""
    unpriced = f"\n{count_runs(tally.unpriced_runs)} unpriced" if tally.unpriced_runs else ""
    tokens = format_amount("tokens", tally.spent.tokens)
    return f"{format_cost(tally.spent.micros)}{unknown}\n{tokens}{unpriced}"


def _window(account: Account, kind: WindowKind, at: datetime) -> dict[str, Any]:
    tally = tally_of(account, kind, keys_at(account, at)[kind])
    amounts = {
        f"{name}_{part}": getattr(getattr(tally, name), part)
        for name in ("spent", "unknown", "raised")
        for part in ("micros", "tokens")
    }
    raises = [given.model_dump(mode="json", exclude={"window", "steps"}) for given in tally.raises]
    return {
        "window": kind.value,
        "key": tally.key,
        **amounts,
        "runs": tally.runs,
        "unpriced_runs": tally.unpriced_runs,
        "raises": raises,
    }


def _limit(limit: Limit) -> dict[str, Any]:
    return {
        "key": limit.key,
        "limit": limit.limit,
        "counted": limit.counted,
        "reserved": limit.reserved,
        "room": limit.room,
        "soft": limit.is_soft,
        "until": limit.end.isoformat(),
    }
