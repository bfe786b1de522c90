"""What a call that finds a record does, and which words about it count."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.effects.records import EffectIntent, EffectNote, EffectResolution, EffectStage, OpenEffect
from rota.effects.rules import Move, begun, check_resolution, next_move, told, too_early
from rota.keepers.admission import RunRef
from rota.keepers.open_effects import noted
from rota.keepers.state import MOST_OPEN_EFFECTS, KeeperState
from rota.tools import Effect

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
LIMIT = timedelta(minutes=1)
S = EffectStage


def intent(effect: Effect = Effect.WRITE, **changes: Any) -> EffectIntent:
    """A call."""
    whole = EffectIntent(
        key="k" * 64,
        tool="books.post",
        effect=effect,
        agent="poster",
        run=RunRef(id="poster-1", key="poster-1-key"),
        node="n",
        index=0,
        arguments="a",
        attempt="1/1",
    )
    return whole.model_copy(update=changes)


@pytest.mark.parametrize(
    ("effect", "stage", "resolves", "move"),
    [
        (Effect.WRITE, None, 0, Move.CALL),
        (Effect.WRITE, S.INTENT, 0, Move.LOOK),
        (Effect.WRITE, S.UNKNOWN, 0, Move.LOOK),
        (Effect.WRITE, S.HAPPENED, 0, Move.RECEIPT),
        (Effect.WRITE, S.DID_NOT, 0, Move.CALL),
        (Effect.IDEMPOTENT, S.INTENT, 0, Move.CALL),
        (Effect.IDEMPOTENT, S.UNKNOWN, 0, Move.LOOK),
        (Effect.IDEMPOTENT, S.HAPPENED, 0, Move.RECEIPT),
        # Somebody's word, for the version he saw, and too late for another.
        (Effect.WRITE, S.UNKNOWN, 2, Move.RESOLVE),
        (Effect.WRITE, S.UNKNOWN, 1, Move.LOOK),
        (Effect.WRITE, S.HAPPENED, 2, Move.RECEIPT),
    ],
)
def test_call_does_what_the_record_calls_for(
    effect: Effect, stage: EffectStage | None, resolves: int, move: Move
) -> None:
    """A write is made only if nothing can have happened; an idempotent call also again."""
    call = intent(effect)
    record = begun(None, call, NOW, LIMIT).next(stage, NOW) if stage else None
    assert next_move(record, call, resolves) is move


@pytest.mark.parametrize(
    ("run", "refresh", "move"),
    [
        ("poster-2", False, Move.RECEIPT),
        ("poster-2", True, Move.CALL),
        ("poster-1", True, Move.RECEIPT),
    ],
)
def test_effect_that_happened_is_made_again_only_for_a_later_run_whose_tool_says_so(
    run: str, refresh: bool, move: Move
) -> None:
    """A key may be forgotten by then: nobody's default, and never within a run."""
    call = intent(Effect.IDEMPOTENT)
    record = begun(None, call, NOW, LIMIT).next(S.HAPPENED, NOW, receipt="r")
    later = call.model_copy(update={"run": RunRef(id=run, key=f"{run}-key")})
    assert next_move(record, later, refresh=refresh) is move


@pytest.mark.parametrize("change", [{"arguments": "b"}, {"tool": "books.void"}])
@pytest.mark.parametrize("stage", list(EffectStage))
def test_key_of_another_call_is_a_conflict(stage: EffectStage, change: dict[str, str]) -> None:
    """One key stands for one call: neither is the other's receipt its result."""
    record = begun(None, intent(), NOW, LIMIT).next(stage, NOW)
    assert next_move(record, intent().model_copy(update=change), record.version) is Move.CONFLICT


def test_version_after_another_keeps_whose_call_it_is_and_nothing_of_the_stage_before() -> None:
    """An attempt that is over is no longer busy, a refusal has no receipt."""
    first = begun(None, intent(), NOW, LIMIT)
    second = first.next(S.HAPPENED, NOW, receipt="r")
    third = begun(second, intent(attempt="2/1"), NOW + LIMIT, LIMIT)
    assert (first.version, first.busy_until) == (1, NOW + LIMIT)
    assert (second.version, second.busy_until, second.receipt) == (2, None, "r")
    assert (third.version, third.attempt, third.receipt) == (3, "2/1", None)
    assert first.id == "k" * 16


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"happened": True}, ""),
        ({"happened": False}, ""),
        ({"happened": True, "receipt": {"number": 17}}, ""),
        ({"happened": False, "receipt": 17}, "did not happen has no receipt"),
        ({"happened": True, "receipt": float("nan")}, "no JSON"),
        ({"happened": True, "receipt": "x" * 70_000}, "at most 65536"),
    ],
)
def test_resolution_is_checked_before_it_counts(said: dict[str, Any], words: str) -> None:
    """Empty if it can be gone by, else why not."""
    problem = check_resolution(EffectResolution(effect="kkkk", **said))
    assert words in problem
    assert bool(words) is bool(problem)


@pytest.mark.parametrize(
    ("happened", "busy", "early"),
    [
        (False, timedelta(seconds=1), True),
        (False, timedelta(0), False),
        (False, None, False),
        (True, timedelta(seconds=1), False),
    ],
)
def test_nobody_knows_that_nothing_happened_while_an_attempt_may_be_at_work(
    happened: bool, busy: timedelta | None, early: bool
) -> None:
    """What has happened may be said at any time."""
    until = NOW + busy if busy is not None else None
    said = EffectResolution(effect="kkkk", happened=happened)
    assert bool(too_early(said, until, NOW)) is early


def test_receipt_that_a_person_gives_tells_the_model_who_gave_it() -> None:
    """What is not known is left out, not made up."""
    bare = EffectResolution(effect="kkkk", happened=True)
    full = EffectResolution(effect="kkkk", happened=True, receipt=17, by="ann", note="saw it")
    assert told(bare) == '{"happened":true,"said_by":"a person"}'
    assert told(full) == '{"happened":true,"note":"saw it","receipt":17,"said_by":"ann"}'


def test_keeper_lists_an_effect_once_for_each_run_and_the_newest_of_too_many() -> None:
    """Telling again changes nothing; telling that it is known takes it off the list."""

    def open_effect(key: str, run: str = "r") -> OpenEffect:
        ref, until = RunRef(id=run, key=run), NOW + LIMIT
        return OpenEffect(key=key, tool="t", run=ref, text="lost", since=NOW, until=until)

    state = KeeperState()
    for effect in (open_effect("a"), open_effect("a"), open_effect("a", "s"), open_effect("b")):
        state = noted(state, EffectNote(effect=effect, open=True))
    assert [(each.key, each.run.id) for each in state.open_effects] == [
        ("a", "r"),
        ("a", "s"),
        ("b", "r"),
    ]
    state = noted(state, EffectNote(effect=open_effect("a"), open=False))
    assert [(each.key, each.run.id) for each in state.open_effects] == [("a", "s"), ("b", "r")]
    for number in range(MOST_OPEN_EFFECTS):
        state = noted(state, EffectNote(effect=open_effect(f"n{number}"), open=True))
    assert len(state.open_effects) == MOST_OPEN_EFFECTS
    assert state.open_effects[0].key == "n0"


@pytest.mark.parametrize(
    ("until", "stays"),
    [(None, False), (NOW, False), (NOW + LIMIT, True)],
)
def test_keeper_forgets_what_is_known_now_of_all_who_wait_no_longer(
    until: datetime | None, stays: bool
) -> None:
    """A run that failed over it asks nobody any more, whoever has found it out since."""
    run = RunRef(id="r", key="r")
    asked = OpenEffect(key="a", tool="t", run=run, text="lost", since=NOW - LIMIT, until=until)
    other = asked.model_copy(update={"key": "b"})
    later = asked.model_copy(update={"run": RunRef(id="s", key="s"), "since": NOW})
    state = KeeperState(open_effects=(asked, other))
    known = noted(state, EffectNote(effect=later, open=False))
    asks = noted(state, EffectNote(effect=later, open=True))
    assert (asked in known.open_effects) is stays
    assert other in known.open_effects
    assert asked in asks.open_effects
