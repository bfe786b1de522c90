"""An account's decisions: who may spend what, in which window, and who is told of room.

Pure functions from account to account; keepers and the workflow `Budget` only carry them out.
Three rules make the sums exact. What a run has spent comes as its total so far, so that only
what is new is counted, however often it is told. It counts in the windows in which it was
reserved, so that a day's sum does not depend on when somebody reports. And a reservation ends
in one of three ways: with the next one, settled, or lost, when what is not known to be spent of
it counts as unknown.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from rota.budgets import spending
from rota.budgets.limits import (
    Limit,
    amount_of,
    format_end,
    limits_of,
)
from rota.budgets.lost_runs import use_of
from rota.budgets.raise_command import enough, raise_command
from rota.budgets.reservations import (
    NONE,
    NOTHING,
    Account,
    Amount,
    Cap,
    Grant,
    Hold,
    HoldEnd,
    HoldRequest,
    Waiter,
    WindowKind,
)
from rota.budgets.shares import at_least, larger, wanted_of, what_is_left
from rota.budgets.tallies import counted, keys_at
from rota.run_ref import RunRef
from rota.schedule.calendars import zone_of
from rota.usage import Usage

TYPICAL_RUNS = 50
ENDED_RUNS = 500
TOLD_AT_ONCE = 10
"""Runs told of room in one go."""


class UnknownZoneError(ValueError):
    """Limits of days and months of a time zone that is none."""


def declare(
    account: Account, caps: Mapping[WindowKind, Cap], timezone: str, soft_at: float
) -> Account:
    """Put limits in force; what was counted stays.

    Raises:
        UnknownZoneError: there is no such time zone, so there is no day to count in.
    """
    try:
        zone_of(timezone)
    except ValueError as error:
        raise UnknownZoneError(f"budget.timezone: {error}") from None
    limits = {kind: cap for kind, cap in caps.items() if cap.is_limit}
    return account.model_copy(update={"caps": limits, "timezone": timezone, "soft_at": soft_at})


def hold(
    account: Account, request: HoldRequest, owner: str, now: datetime
) -> tuple[Account, Grant]:
    """Reserve what a run asks for, or what is left of it, or nothing at all.

    Repeating a request changes nothing, unless it was refused: then it is decided anew.

    Args:
        account: Of `owner`.
        request: What the run asks for.
        owner: As people are told: `agent report`.
        now: Aware.
    """
    run, known = request.run, account.holds.get(request.run.key)
    if run.key in account.ended:
        return account, Grant(number=request.number, refused="this run has ended")
    if known is not None and _is_answered(known, request):
        return account, _grant(account, known, now)
    account = _counted(account, known, request.spent, request.unknown, now)
    account = _without(account, run.key)
    limits = limits_of(account, now)
    wanted = wanted_of(account, request, limits)
    gives_back = request.wanted == NOTHING
    short = [] if gives_back else _short_of(limits, request.least)
    granted = not (gives_back or short)
    held = Hold(
        run=run,
        agent=request.agent,
        number=request.number,
        granted=granted,
        amount=what_is_left(wanted, limits) if granted else NONE,
        windows=keys_at(account, now),
        spent=larger(request.spent, known.spent) if known else request.spent,
        unknown=larger(request.unknown, known.unknown) if known else request.unknown,
        at=now,
    )
    account = account.model_copy(update={"holds": {**account.holds, run.key: held}})
    if short:
        waiter = Waiter(run=run, least=request.least, wanted=wanted)
        account = account.model_copy(update={"waiting": (*account.waiting, waiter)})
    grant = _grant(account, held, now)
    return account, _refused(
        grant, short, request.least, owner, account.timezone
    ) if short else grant


def end(account: Account, end: HoldEnd, now: datetime) -> Account:
    """Count what a run has spent, and free what it held. Repeating it changes nothing."""
    known = account.holds.get(end.run.key)
    if end.run.key in account.ended:
        return account
    if known is None and end.spent == end.unknown == NONE:
        # It never began; what it asked for may still be on its way, and is not to be held.
        return _ended(account, end.run.key)
    account = _counted(account, known, end.spent, end.unknown, now, end)
    if end.spent != NONE:
        typical = (*account.typical, end.spent)[-TYPICAL_RUNS:]
        account = account.model_copy(update={"typical": typical})
    return _ended(account, end.run.key)


def lost(account: Account, run: RunRef, used: Usage) -> Account:
    """Count a run that is gone, and did not say what it spent: see `rota.budgets.lost_runs`.

    Repeating it changes nothing.

    Args:
        account: Where it held something.
        run: The run.
        used: What is on record of its use.
    """
    known = account.holds.get(run.key)
    if known is None:
        return account
    usage = use_of(known, used)
    account = counted(
        account,
        known.windows,
        spent=spending.known(usage).beyond(known.spent),
        unknown=spending.lost(usage).beyond(known.unknown),
        runs=1,
        unpriced=usage.cost_micros is None,
    )
    return _ended(account, run.key)


def due_word(account: Account, now: datetime) -> tuple[Account, tuple[RunRef, ...]]:
    """Take those out of the waiting for whom there may be room: they are to be told.

    Each is counted with what it wants, so that no more of them come back than can go on.
    """
    if not account.waiting:
        return account, ()
    limits = limits_of(account, now)
    told: list[RunRef] = []
    left: list[Waiter] = []
    taken = NONE
    for waiter in account.waiting:
        rest = [each.less(amount_of(taken, each.dimension)) for each in limits]
        if not _short_of(rest, waiter.least) and len(told) < TOLD_AT_ONCE:
            told.append(waiter.run)
            taken = taken.plus(larger(waiter.least, waiter.wanted))
        else:
            left.append(waiter)
    return account.model_copy(update={"waiting": tuple(left)}), tuple(told)


def holders(account: Account) -> tuple[RunRef, ...]:
    """Runs for whose end others wait, because they hold what those could have."""
    if not account.waiting:
        return ()
    return tuple(held.run for held in account.holds.values() if held.amount != NONE)


def _short_of(limits: Sequence[Limit], least: Amount) -> list[Limit]:
    return [each for each in limits if each.room < at_least(least, each.dimension)]


def _is_answered(known: Hold, request: HoldRequest) -> bool:
    """True if the request comes again, or too late."""
    if known.number != request.number:
        return known.number > request.number
    return known.granted and request.wanted != NOTHING


def _counted(
    account: Account,
    known: Hold | None,
    spent: Amount,
    unknown: Amount,
    now: datetime,
    end: HoldEnd | None = None,
) -> Account:
    """Count what is new, in the windows of the reservation that it was spent from."""
    return counted(
        account,
        known.windows if known else keys_at(account, now),
        # A run that was reset tells less than before; what it told then was paid for.
        spent=spent.beyond(known.spent) if known else spent,
        unknown=unknown.beyond(known.unknown) if known else unknown,
        runs=1 if end else 0,
        unpriced=end.unpriced if end else False,
    )


def _grant(account: Account, held: Hold, now: datetime) -> Grant:
    limits = limits_of(account, now)
    limited = {each.dimension for each in limits}
    return Grant(
        number=held.number,
        room=Cap(
            micros=held.amount.micros if "micros" in limited else None,
            tokens=held.amount.tokens if "tokens" in limited else None,
        ),
        reserved=held.amount,
        soft=any(each.is_soft for each in limits),
    )


def _refused(
    grant: Grant, short: Sequence[Limit], least: Amount, owner: str, timezone: str
) -> Grant:
    """Say which limit it was: of several, the one that turns last."""
    limit = max(short, key=lambda each: each.end)
    text = (
        f"{limit.key} of {owner}: {limit.used} spent or reserved until "
        f"{format_end(limit.end, timezone)}"
    )
    cure = _cure(limit, at_least(least, limit.dimension), owner)
    return grant.model_copy(update={"refused": text, "until": limit.end, "cure": cure})


def _cure(limit: Limit, least: int, owner: str) -> str:
    """The command that gives the owner as much again, or as much as is needed."""
    kind, _, name = owner.partition(" ")
    cap, gone = {limit.dimension: limit.limit}, {limit.dimension: limit.counted + limit.reserved}
    give = enough(Cap(**cap), Amount(**gone), Amount(**{limit.dimension: least}))
    whom = f"--team {name}" if kind == "team" else name
    return raise_command(whom, give, f"--{limit.kind.value}")


def _without(account: Account, run_key: str) -> Account:
    """The account without the run's reservation, and its place among those that wait."""
    holds = {key: held for key, held in account.holds.items() if key != run_key}
    waiting = tuple(each for each in account.waiting if each.run.key != run_key)
    return account.model_copy(update={"holds": holds, "waiting": waiting})


def _ended(account: Account, run_key: str) -> Account:
    ended = (*account.ended, run_key)[-ENDED_RUNS:]
    return _without(account, run_key).model_copy(update={"ended": ended})
