"""The decisions about effects: what a call that finds a record does, and what a person may say."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from rota.effects.records import EffectIntent, EffectRecord, EffectResolution, EffectStage
from rota.model import canonical_json
from rota.tools import Effect

RECEIPT_LIMIT = 64 * 1024
"""Bytes of JSON of a receipt that a person gives: it travels in history."""


class Move(StrEnum):
    """What a call that finds a record does."""

    CALL = "call"
    RECEIPT = "receipt"
    """Nothing: the receipt is its result."""
    LOOK = "look"
    """It has the tool look, and asks if that cannot say."""
    RESOLVE = "resolve"
    """It does as somebody has said."""
    CONFLICT = "conflict"
    """Nothing: the key belongs to another call."""


def begun(
    before: EffectRecord | None, intent: EffectIntent, now: datetime, limit: timedelta
) -> EffectRecord:
    """The version that says: this attempt begins, and is over after `limit`."""
    return EffectRecord(
        **intent.model_dump(),
        version=before.version + 1 if before else 1,
        stage=EffectStage.INTENT,
        at=now,
        begun_at=now,
        busy_until=now + limit,
    )


def next_move(
    record: EffectRecord | None,
    intent: EffectIntent,
    resolves: int = 0,
    *,
    refresh: bool = False,
) -> Move:
    """Decide what the call does.

    Args:
        record: The newest version; None if there is none.
        intent: The call.
        resolves: The version that somebody's word is for; 0 if nobody has said anything.
        refresh: Its tool says that a later run is to have a fresh answer.
    """
    if record is None:
        return Move.CALL
    if (record.tool, record.arguments) != (intent.tool, intent.arguments):
        return Move.CONFLICT
    if record.stage is EffectStage.HAPPENED:
        again = refresh and record.run.key != intent.run.key
        return Move.CALL if again else Move.RECEIPT
    if record.stage is EffectStage.DID_NOT:
        return Move.CALL
    if record.version == resolves:
        return Move.RESOLVE
    repeatable = intent.effect is Effect.IDEMPOTENT and record.stage is EffectStage.INTENT
    # Made again with the same key, by which the tool knows what it has done.
    return Move.CALL if repeatable else Move.LOOK


def check_resolution(resolution: EffectResolution) -> str:
    """Say why nobody can go by `resolution`, in one line; empty if somebody can."""
    try:
        size = len(canonical_json(resolution.receipt))
    except ValueError as error:
        return f"the receipt is no JSON: {error}"
    if size > RECEIPT_LIMIT:
        return f"the receipt has {size} bytes; at most {RECEIPT_LIMIT} may travel"
    if resolution.receipt is not None and not resolution.happened:
        return "what did not happen has no receipt: leave it out, or say that it happened"
    return ""


def too_early(resolution: EffectResolution, busy_until: datetime | None, now: datetime) -> str:
    """Say why nobody can know yet that nothing happened, in one line; empty if somebody can.

    Args:
        resolution: What is said.
        busy_until: Until when an attempt may still be at work, if one may.
        now: The time.
    """
    if resolution.happened or busy_until is None or busy_until <= now:
        return ""
    at = busy_until.astimezone(UTC).strftime("%H:%M:%S")
    return (
        f"too early: an attempt may still be at work until {at} UTC, and it may yet happen. "
        "Look again then, and say so"
    )


def told(resolution: EffectResolution) -> str:
    """The result of a call that somebody says took effect, as its model is told it."""
    document = {
        "happened": True,
        "said_by": resolution.by or "a person",
        **({"note": resolution.note} if resolution.note else {}),
        **({"receipt": resolution.receipt} if resolution.receipt is not None else {}),
    }
    return canonical_json(document).decode()
