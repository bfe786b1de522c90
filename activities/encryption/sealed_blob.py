"""One encrypted blob as a store holds it: a mark, the id of its key, the sealed text.

Bound to the place where it belongs, an object's digest or a ref's name: exchanged for another
blob of the same store it does not open.
"""

from dataclasses import dataclass

from activities.encryption.keys import Keys
from activities.encryption.marks import BLOB_MARK
from activities.encryption.sealing import NONCE_BYTES, TAG_BYTES, AlteredError, seal, unseal
from activities.stores.base import DamagedError, PlainBlobError
from rota.security.keyring import Key

OBJECT = "object"
REF = "ref"
_ID_BYTES = len("k-") + 12
MORE_BYTES = len(BLOB_MARK) + _ID_BYTES + NONCE_BYTES + TAG_BYTES
"""By which a blob is longer than its plain bytes."""


@dataclass(frozen=True)
class Place:
    """Where a blob belongs."""

    store: str
    """The store's address."""
    kind: str
    """`OBJECT` or `REF`; a key of its own for each."""
    name: str

    @property
    def is_object(self) -> bool:
        """True of an object, False of a ref."""
        return self.kind == OBJECT

    @property
    def told(self) -> str:
        """The place for people."""
        return f"store {self.store}: {self.kind} {self.name}"


def sealed_blob(key: Key, place: Place, data: bytes) -> bytes:
    """Return what is stored for `data`."""
    return BLOB_MARK + key.id.encode() + seal(key, place.kind, data, place.name)


def blob_key(stored: bytes) -> str | None:
    """Return the id of the key that a blob is encrypted with; None if it is plain."""
    if not stored.startswith(BLOB_MARK):
        return None
    return stored[len(BLOB_MARK) : len(BLOB_MARK) + _ID_BYTES].decode(errors="replace")


def opened_blob(keys: Keys, place: Place, stored: bytes, *, strict: bool) -> bytes:
    """Return the plain bytes.

    Raises:
        KeyNeededError: its key is not here.
        PlainBlobError: it is not encrypted, and `strict`.
        DamagedError: it was altered, or belongs elsewhere.
    """
    key_id = blob_key(stored)
    if key_id is None:
        if strict:
            raise plain_blob(place)
        return stored
    key = keys.find(key_id, place.told)
    try:
        return unseal(key, place.kind, stored[len(BLOB_MARK) + _ID_BYTES :], place.name)
    except AlteredError as error:
        raise DamagedError(f"{place.told} is damaged: {error}; restore it from a backup") from None


def plain_blob(place: Place) -> PlainBlobError:
    """Return the error for a blob that is not encrypted where all must be."""
    return PlainBlobError(
        f"{place.told} is not encrypted, and this fleet takes no others (encryption.strict): "
        "'rota keys reseal' encrypts what was stored before"
    )
