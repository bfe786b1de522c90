"""What the store has on record of a run's use, for one that is gone and told nobody.

Activity side. Every answer is recorded before the run hears of it, and every attempt before it
is made, so this is all that the run has used, but for what a provider's session, which tells
when it stops, has used since.
"""

from activities.paid_calls import answers, unanswered
from activities.sessions.log import SessionLog
from activities.stores.base import ObjectStore
from rota.run_ref import RunRef
from rota.usage import Usage, sum_of


async def recorded_use(store: ObjectStore, run: RunRef) -> Usage:
    """Add up a run's answers, and the attempts whose end nobody saw.

    Raises:
        StoreError: an answer is missing, or the store did not serve.
    """
    turns = await answers(store, run)
    for turn, outcome in (await SessionLog(store, run).outcomes()).items():
        turns[turn] = outcome.usage
    return sum_of([*turns.values(), await unanswered(store, run, turns)])
