"""What an account has counted, window by window. Pure."""

from collections.abc import Mapping
from datetime import datetime

from rota.budgets.reservations import NONE, Account, Amount, BudgetRaise, Tally, WindowKind
from rota.budgets.windows import window_of

KEPT = {WindowKind.DAY: 62, WindowKind.MONTH: 24}
"""Windows that an account remembers."""
RAISES_KEPT = 100
TOLD_KEPT = 2 * RAISES_KEPT
"""Every limit as it stood after each raise, of dollars and of tokens."""


def keys_at(account: Account, now: datetime) -> dict[WindowKind, str]:
    """The keys of the windows that `now` lies in."""
    return {kind: window_of(kind, account.timezone, now).key for kind in WindowKind}


def tally_of(account: Account, kind: WindowKind, key: str) -> Tally:
    """What was counted in that window; a new one where nothing was."""
    known = account.windows.get(kind, ())
    return next((tally for tally in known if tally.key == key), Tally(key=key))


def counted(
    account: Account,
    keys: Mapping[WindowKind, str],
    *,
    spent: Amount = NONE,
    unknown: Amount = NONE,
    runs: int = 0,
    unpriced: bool = False,
) -> Account:
    """Add to the sums of those windows."""
    for kind, key in keys.items():
        tally = tally_of(account, kind, key)
        more: dict[str, object] = {
            "spent": tally.spent.plus(spent),
            "unknown": tally.unknown.plus(unknown),
            "runs": tally.runs + runs,
            "unpriced_runs": tally.unpriced_runs + unpriced,
        }
        account = _with_tally(account, kind, tally.model_copy(update=more))
    return account


def was_raised(account: Account, id: str) -> bool:
    """True if that raise is among those known."""
    tallies = (tally for windows in account.windows.values() for tally in windows)
    return any(each.id == id for tally in tallies for each in tally.raises)


def with_raise(account: Account, kind: WindowKind, key: str, given: BudgetRaise) -> Account:
    """Add to what people gave on top in that window."""
    tally = tally_of(account, kind, key)
    more: dict[str, object] = {
        "raised": tally.raised.plus(Amount(micros=given.micros, tokens=given.tokens)),
        "raises": (*tally.raises, given)[-RAISES_KEPT:],
    }
    return _with_tally(account, kind, tally.model_copy(update=more))


def with_told(account: Account, kind: WindowKind, key: str, limit: str) -> Account:
    """Note that people were told that a limit of that window is nearly reached."""
    tally = tally_of(account, kind, key)
    told = tally.model_copy(update={"told": (*tally.told, limit)[-TOLD_KEPT:]})
    return _with_tally(account, kind, told)


def _with_tally(account: Account, kind: WindowKind, tally: Tally) -> Account:
    others = [each for each in account.windows.get(kind, ()) if each.key != tally.key]
    tallies = sorted([*others, tally], key=lambda each: each.key)
    # Of a run that has worked for longer than that, the window is kept until it ends.
    held = {hold.windows.get(kind) for hold in account.holds.values()}
    old = tuple(each for each in tallies[: -KEPT[kind]] if each.key in held)
    windows = {**account.windows, kind: (*old, *tallies[-KEPT[kind] :])}
    return account.model_copy(update={"windows": windows})
