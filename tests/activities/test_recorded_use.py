"""What the store has on record of a run that is gone: its answers, and what was lost."""

from pathlib import Path

import pytest

from activities.documents import put_record
from activities.recorded_use import recorded_use
from activities.sessions.log import SessionLog
from activities.stores.base import ObjectStore, StoreError
from activities.stores.open import open_store
from rota.budgets.reservations import Amount
from rota.conversation import Message, StopReason
from rota.model import canonical_json
from rota.turns.loop import TurnOutcome
from rota.turns.transcript import TranscriptNode
from rota.usage import Usage
from tests.rota.keepers.desks import run

RUN = run("r1")


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    """A store of one's own."""
    return open_store(str(tmp_path / "store"))


async def answered(store: ObjectStore, turn: int, usage: Usage) -> None:
    """Put a turn's answer on record, as `PaidCalls.record` does."""
    node = TranscriptNode(
        context="c",
        turn=turn,
        added=(),
        reply=Message(role="assistant", content=()),
        stop=StopReason.TOOL_CALLS,
        usage=usage,
        model="m",
    )
    digest = await put_record(store, node)
    await attempted(store, turn, "0-1", Amount(micros=900))
    value = canonical_json({"asked": "q", "node": digest})
    await store.set_ref(f"replies/{RUN.key}/{turn}", value)


async def attempted(store: ObjectStore, turn: int, name: str, most: Amount) -> None:
    """Leave the mark of an attempt, as `PaidCalls.begin` does."""
    value = canonical_json(most.model_dump(mode="json"))
    await store.set_ref(f"attempts/{RUN.key}/{turn}/{name}", value)


async def test_recorded_use_is_every_answer_and_every_attempt_that_has_none(
    store: ObjectStore,
) -> None:
    """Each once: the attempts of an answered turn, the lost ones too, are counted with it."""
    await answered(store, 0, Usage(input_tokens=5, cost_micros=10))
    await answered(store, 1, Usage(input_tokens=7, cost_micros=30, unknown_attempts=1))
    await attempted(store, 2, "0-1", Amount(micros=40, tokens=4))
    await attempted(store, 2, "0-2", Amount(micros=50, tokens=5))
    assert await recorded_use(store, RUN) == Usage(
        input_tokens=12,
        cost_micros=40,
        unknown_attempts=3,
        unknown_micros=90,
        unknown_tokens=9,
    )


async def test_recorded_use_of_a_session_is_what_it_told_when_it_stopped(
    store: ObjectStore,
) -> None:
    """Turn by turn; a look that nobody saw the end of is an attempt like any other."""
    log = SessionLog(store, RUN)
    await log.collect(
        1, TurnOutcome(head="h", stop=StopReason.END_TURN, usage=Usage(cost_micros=20))
    )
    await store.set_ref(f"attempts/{RUN.key}/1/look-1/1", b"sent")
    await store.set_ref(f"attempts/{RUN.key}/2/look-2/1", b"sent")
    assert await recorded_use(store, RUN) == Usage(cost_micros=20, unknown_attempts=1)


async def test_recorded_use_of_a_run_that_did_nothing_is_nothing(store: ObjectStore) -> None:
    """No answer and no attempt."""
    assert await recorded_use(store, RUN) == Usage()


async def test_recorded_use_without_one_of_the_answers_fails(store: ObjectStore) -> None:
    """Less than was used would be told as if it were all."""
    value = canonical_json({"asked": "q", "node": "0" * 64})
    await store.set_ref(f"replies/{RUN.key}/1", value)
    with pytest.raises(StoreError):
        await recorded_use(store, RUN)
