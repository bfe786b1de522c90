"""A whole store encrypted with the key in use."""

from dataclasses import dataclass, field
from datetime import datetime

from activities.encryption.keys import Keys
from activities.encryption.sealed_blob import Place
from activities.encryption.sealed_store import SealedStore
from activities.side_by_side import side_by_side
from activities.stores.base import ObjectMissingError, StoreError

AT_ONCE = 16
"""As many as a store in S3 has connections."""


@dataclass
class Resealed:
    """What was done."""

    key_id: str
    """The key in use."""
    looked_at: int = 0
    resealed: int = 0
    left: list[str] = field(default_factory=list[str])
    """Why something stayed as it was."""


async def reseal_all(store: SealedStore, keys: Keys, now: datetime) -> Resealed:
    """Encrypt with the key in use whatever in `store` is not.

    Safe to repeat, and to break off. One that cannot be opened is left, and told.

    Raises:
        StoreError: the store does not answer.
    """
    done = Resealed(keys.active.id)
    todo: list[Place] = []
    async for place, key_id in store.keys_of_all():
        done.looked_at += 1
        if key_id != done.key_id:
            todo.append(place)

    async def one(place: Place) -> None:
        try:
            await store.reseal(place, now)
        except ObjectMissingError:
            return  # removed meanwhile
        except StoreError as error:
            done.left.append(str(error))
        else:
            done.resealed += 1

    await side_by_side(todo, one, AT_ONCE)
    return done
