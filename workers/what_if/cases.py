"""From past runs to the cases of a backtest, and from what those came to to comparisons."""

from activities.documents import get_json, get_transcript, put_record, put_spec
from activities.stores.base import ObjectStore
from rota.model import canonical_json
from rota.pinned_spec import PinnedSpec
from rota.what_if.backtest import CaseEnd, CaseResult, PastCase
from rota.what_if.compare import Comparison, Played, compare
from workers.what_if.past_runs import PastRun, calls_of, models_of, patches_of, tape_of
from workers.what_if.variants import Variant


async def case_of(store: ObjectStore, past: PastRun, variant: Variant) -> PastCase:
    """Put what a case needs into the store. Repeating it changes nothing.

    Raises:
        VariantError: what is tried cannot be.
    """
    tried = variant.of(past.spec)
    await put_spec(store, tried)
    old = past.context.spec
    pinned = PinnedSpec.of(tried, fleet=old.fleet, by=old.applied_by)
    context = past.context.model_copy(update={"spec": pinned})
    tape = await tape_of(store, past.nodes)
    taped = await store.put(canonical_json(tape.model_dump(mode="json")))
    given = await put_record(store, context)
    began, key = past.nodes[0], past.context.run_key
    # Whatever is made of a run goes with it: these are what only a backtest refers to.
    made = sorted({given, taped, *(call.content for call in tape.calls)})
    await store.set_ref(f"cases/{key}/{taped}/{given}", canonical_json(made))
    return PastCase(
        run_id=past.run_id,
        key=key,
        context=given,
        tape=taped,
        head=began.digest if began.sums_up else None,
        pins=next((node.pins for node in past.turns if node.pins), None),
        spec=pinned,
    )


async def comparison_of(store: ObjectStore, past: PastRun, case: CaseResult) -> Comparison:
    """Compare what a case came to with its past run."""
    nodes = [node for node in await get_transcript(store, case.head) if not node.sums_up]
    answered = case.end is CaseEnd.ANSWERED and case.answer is not None
    played = Played(
        succeeded=answered,
        status=case.end.value,
        reason=case.reason,
        output=await get_json(store, case.answer.digest) if answered and case.answer else None,
        turns=case.turns,
        calls=calls_of(nodes),
        patches=patches_of(nodes),
        checks={each.name: each.state for each in case.checks},
        usage=case.usage,
        seconds=round(case.seconds, 3),
        models=models_of(nodes),
    )
    return compare(
        past.run_id, past.played, played, case.end, case.effects, case.sources, case.unrecorded
    )
