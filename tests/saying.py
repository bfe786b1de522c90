"""People who look whether an effect happened, and say so."""

from datetime import UTC, datetime
from typing import Any

from activities.effect_records import EffectRecords
from rota.effects.records import EffectRecord, EffectResolution
from tests.stack import Stack


async def say(stack: Stack, agent: str, *, happened: bool, **more: Any) -> EffectRecord:
    """Resolve the agent's only open effect in the store, as `rota effects resolve` does."""
    (effect,) = (await stack.keeper(agent)).open_effects
    records = EffectRecords(stack.store)
    record = await records.newest(effect.key)
    assert record is not None
    said = EffectResolution(effect=effect.id, happened=happened, **more)
    resolved = await records.resolve(record, said, datetime.now(UTC))
    assert resolved is not None
    return resolved
