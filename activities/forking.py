"""Where a fork's beginning is read: at its admission, and at its first turn. Activity side."""

from activities.documents import get_context, get_spec
from activities.stores.base import ObjectMissingError, ObjectStore
from rota.keepers.admission import Admission
from rota.pinned_spec import PinnedSpec
from rota.turns.transcript import RunContext
from rota.what_if.forks import ForkBegin, fork_context


async def begin_of(store: ObjectStore, context: RunContext) -> ForkBegin | None:
    """What a fork begins with; None of any other run."""
    fork = context.lineage.fork if context.lineage else None
    return None if fork is None else ForkBegin.model_validate_json(await store.get(fork.begin))


async def admitted_fork(store: ObjectStore, admission: Admission) -> Admission:
    """The keeper's answer with the declaration that a fork works with.

    Its team and its team's budget are those in force.
    """
    fork = admission.lineage.fork if admission.lineage else None
    if fork is None:
        return admission
    now = admission.spec
    try:
        begin = ForkBegin.model_validate_json(await store.get(fork.begin))
        spec = await get_spec(store, begin.spec)
    except ObjectMissingError:
        # Told as of any declaration that is not in this worker's store: it is looked for next.
        missing = now.model_copy(update={"digest": fork.begin})
        return admission.model_copy(update={"spec": missing})
    pinned = PinnedSpec.of(spec, fleet=now.fleet, by=now.applied_by)
    pinned = pinned.model_copy(update={"team": now.team, "team_budget": now.team_budget})
    return admission.model_copy(update={"spec": pinned, "conversation": None})


async def context_with_fork(store: ObjectStore, own: RunContext) -> RunContext:
    """The run's context; of a fork that of the run it goes on from, in its own name."""
    begin = await begin_of(store, own)
    if begin is None:
        return own
    return fork_context(own, await get_context(store, begin.context), begin)
