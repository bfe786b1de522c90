"""What a run may still spend, and what keeps it from its next step. Pure.

Five limits, checked before each step: its own (`budget.run_usd`, `run_tokens`, with all that
it hands work to), those of one call and of its steps, what its caller lends it, and what it
has reserved in the accounts of its agent and its team. Lost attempts, whose cost nobody
knows, count with their estimate in all of them.
"""

from datetime import datetime

from rota.budgets.raise_command import enough, enough_steps
from rota.budgets.reservations import Amount, Cap
from rota.model import Record
from rota.turns.limits import Limits
from rota.usage import Usage, format_cost

OVER_ALLOWANCE = "over_allowance"
"""Type of the failure of a call that was not made, since it might cost more than it may. Its
first detail is the `Amount` it may come to at most."""
ANYTHING = Amount(micros=1, tokens=1)
"""The least that is of use to a run that has used up its reservation."""


class Shortage(Record):
    """What keeps a run from its next step."""

    reason: str
    """One line for people; names the key to change."""
    lent: bool = False
    """It is the caller's limit: nothing that the run waits for would change it."""
    is_asked_for: bool = False
    """Its reservation is used up, and the accounts have not been asked for more."""
    refused: bool = False
    """The accounts were asked, and have not enough."""
    until: datetime | None = None
    """When they will have more, if they refused and said so."""
    least: Amount = ANYTHING
    """What the step needs."""
    more: str = ""
    """Of a limit of the run's own: the options of `rota budget raise` that are enough."""
    cure: str = ""
    """Of one of an account: the whole command."""


def spent(usage: Usage) -> Amount:
    """What counts against a limit: what is known, and what lost attempts may have cost."""
    return known(usage).plus(lost(usage))


def known(usage: Usage) -> Amount:
    """What has certainly been spent."""
    return Amount(micros=usage.counted_micros, tokens=usage.tokens)


def lost(usage: Usage) -> Amount:
    """What lost attempts may have cost beyond that."""
    return Amount(micros=usage.unknown_micros, tokens=usage.unknown_tokens)


def at_most(lent: Cap) -> Usage:
    """What somebody might have used of what it was lent who does not say: nobody knows."""
    return Usage(unknown_micros=lent.micros or 0, unknown_tokens=lent.tokens or 0)


def left(cap: Cap, spent: Amount) -> Cap:
    """What remains of a cap; below nothing if it was exceeded."""
    return Cap(
        micros=None if cap.micros is None else cap.micros - spent.micros,
        tokens=None if cap.tokens is None else cap.tokens - spent.tokens,
    )


def exceeds(amount: Amount, cap: Cap) -> bool:
    """True if `amount` is more than the cap lets through."""
    over_micros = cap.micros is not None and amount.micros > cap.micros
    return over_micros or (cap.tokens is not None and amount.tokens > cap.tokens)


def own_room(limits: Limits, tree: Usage) -> Cap:
    """What the run's own limits and its caller's leave it, with all below it."""
    whole = Cap(micros=limits.cost_micros, tokens=limits.tokens)
    return left(whole.smaller(limits.lent_room), spent(tree))


def room(limits: Limits, tree: Usage) -> Cap:
    """What the run may still spend: what is left of its limits, and of its reservation."""
    own = own_room(limits, tree)
    return own if limits.grant is None else own.smaller(left(limits.grant.room, limits.held))


def at_stake(limits: Limits, tree: Usage) -> Cap:
    """What a session may have spent of which nobody knows: at most what its run had room for.

    That is what it held when it gave its reservation back, if it has.
    """
    if limits.returned is None:
        return room(limits, tree)
    return own_room(limits, tree).smaller(limits.returned)


def allowance(limits: Limits, tree: Usage) -> Cap:
    """What the next call of a model may come to at most."""
    return room(limits, tree).smaller(Cap(micros=limits.call_micros))


def is_soft(limits: Limits, tree: Usage, at: float) -> bool:
    """True once the run has come to the share `at` of one of its own limits."""
    gone = spent(tree)
    caps = ((limits.cost_micros, gone.micros), (limits.tokens, gone.tokens))
    return any(cap is not None and used >= at * cap for cap, used in caps)


def share(limits: Limits, tree: Usage, parts: int) -> Cap:
    """What each of `parts` runs that are called at once may spend."""
    return part(own_room(limits, tree), parts)


def part(rest: Cap, parts: int) -> Cap:
    """Return what each of `parts` gets of a rest; nothing if that is used up."""
    return Cap(
        micros=None if rest.micros is None else max(0, rest.micros) // parts,
        tokens=None if rest.tokens is None else max(0, rest.tokens) // parts,
    )


def used_up(cap: Cap, gone: Amount, usd: str, tokens: str) -> str:
    """Say which part of a cap is used up, by the names of its keys; empty if none is."""
    return _short(cap, gone, None, f"({usd})", f"({tokens})")


def shortage(
    limits: Limits, tree: Usage, steps: int, needed: Amount | None, next_steps: int = 1
) -> Shortage | None:
    """Say what keeps the run from its next step; None if nothing does.

    Args:
        limits: What it may consume.
        tree: What it has, with all below it.
        steps: Its turns and tool calls so far.
        needed: What the next call of a model comes to at most, if that is known: it was more
            than it might before.
        next_steps: How many steps come next, at once.
    """
    if limits.steps is not None and steps + next_steps > limits.steps:
        taken = f"{steps} of {limits.steps} steps taken"
        more = f", and {next_steps} tool calls come next" if next_steps > 1 else ""
        give = enough_steps(limits.steps, steps, next_steps)
        return Shortage(reason=f"{taken}{more} (budget.run_steps)", more=give)
    least = needed or ANYTHING
    tree_spent = spent(tree)
    lender = f"(the share that {limits.lender} gave)"
    if lent := _short(limits.lent_room, tree_spent, needed, lender, lender):
        return Shortage(reason=lent, lent=True, least=least)
    whole = Cap(micros=limits.cost_micros, tokens=limits.tokens)
    if own := _short(whole, tree_spent, needed, "(budget.run_usd)", "(budget.run_tokens)"):
        return Shortage(reason=own, least=least, more=enough(whole, tree_spent, least))
    call = Cap(micros=limits.call_micros)
    if needed is not None and exceeds(needed, call):
        most, may = format_cost(limits.call_micros), format_cost(needed.micros)
        reason = f"the next call may cost {may}, and at most {most} is allowed (budget.call_usd)"
        return Shortage(reason=reason, least=least, more=enough(call, Amount(), needed))
    grant = limits.grant
    if grant is None:
        return None
    if grant.refused:
        return Shortage(
            reason=grant.refused, refused=True, until=grant.until, least=least, cure=grant.cure
        )
    reservation = "(its reservation)"
    used_up = _short(grant.room, limits.held, needed, reservation, reservation)
    return Shortage(reason=used_up, is_asked_for=True, least=least) if used_up else None


def _short(cap: Cap, spent: Amount, needed: Amount | None, usd: str, tokens: str) -> str:
    """Say in which of its two parts a cap leaves too little; empty if in none."""
    needed = needed or Amount()
    if cap.micros is not None:
        most, rest = format_cost(cap.micros), cap.micros - spent.micros
        if rest <= 0:
            return f"{format_cost(spent.micros)} spent of {most} {usd}"
        if needed.micros > rest:
            may = format_cost(needed.micros)
            return f"the next call may cost {may}, and {format_cost(rest)} of {most} is left {usd}"
    if cap.tokens is not None:
        rest = cap.tokens - spent.tokens
        if rest <= 0:
            return f"{spent.tokens} tokens used of {cap.tokens} {tokens}"
        if needed.tokens > rest:
            may = f"{needed.tokens} tokens"
            return f"the next call may take {may}, and {rest} of {cap.tokens} are left {tokens}"
    return ""
