"""The records of effects in the object store: one ref per version, each written once.

Activity side. `effects/<key>/<version>` is created and never replaced, so a version is a
compare-and-set: whoever writes it second is told what stands there.
"""

from datetime import datetime

from activities.safekeeping import kept
from activities.stores.base import ObjectStore
from rota.effects.records import EffectRecord, EffectResolution, EffectStage
from rota.effects.rules import Move, next_move, told
from rota.model import canonical_json


class EffectRecords:
    """Reads and continues records. A store that stumbles is waited for."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def newest(self, key: str) -> EffectRecord | None:
        """Return the newest version of an effect's record, or None if there is none."""
        versions = await self.versions(key)
        return versions[-1] if versions else None

    async def versions(self, key: str, *, all_of_them: bool = False) -> list[EffectRecord]:
        """Return the newest version, or all of them, oldest first."""
        names = await kept(lambda: self._store.list_refs(_folder(key)))
        found: list[EffectRecord] = []
        for name in names if all_of_them else names[-1:]:
            data = await kept(lambda name=name: self._store.get_ref(name))
            if data is not None:
                found.append(EffectRecord.model_validate_json(data))
        return found

    async def advance(self, record: EffectRecord) -> bool:
        """Make `record` the newest version; false if that version is another's.

        Safe to repeat: the same record again is as good as the first time.
        """
        data = canonical_json(record.model_dump(mode="json"))
        name = f"{_folder(record.key)}/{record.version:06}"
        return await kept(lambda: self._store.set_ref(name, data, if_absent=True)) == data

    async def resolve(
        self, record: EffectRecord, resolution: EffectResolution, now: datetime
    ) -> EffectRecord | None:
        """Continue `record` as somebody says; None if it has moved on meanwhile."""
        if next_move(record, record, record.version) is not Move.RESOLVE:
            return None
        changes: dict[str, object] = {"resolution": resolution, "text": resolution.shown}
        stage = EffectStage.DID_NOT
        if resolution.happened:
            stage = EffectStage.HAPPENED
            content = told(resolution).encode(errors="replace")
            changes["receipt"] = await kept(lambda: self._store.put(content))
        resolved = record.next(stage, now, **changes)
        return resolved if await self.advance(resolved) else None


def _folder(key: str) -> str:
    return f"effects/{key}"
