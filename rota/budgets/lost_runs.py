"""What a run has used that is gone without a word. Pure.

Two things are known of it: what it told its accounts when it last asked for room, and what the
store has on record of its answers and its attempts. What it held beyond that counts as unknown:
work that tells its use at its end, as a session at a provider does, is on no record before.
"""

from rota.budgets.reservations import NONE, Hold
from rota.budgets.shares import larger
from rota.budgets.spending import known, lost
from rota.usage import Usage


def use_of(held: Hold, used: Usage) -> Usage:
    """Return what a run counts with.

    Args:
        held: Its newest reservation, with what it told of before.
        used: What is on record of its use.
    """
    told = held.spent.beyond(known(used))
    on_record = known(used).beyond(held.spent)
    unknown = larger(lost(used), held.unknown.plus(held.amount.beyond(on_record)))
    # Which kinds of tokens those were it did not tell.
    spent = used.plus(Usage(input_tokens=told.tokens, cost_micros=told.micros))
    return spent.model_copy(
        update={
            "unknown_attempts": max(used.unknown_attempts, int(unknown != NONE)),
            "unknown_micros": unknown.micros,
            "unknown_tokens": unknown.tokens,
        }
    )
