"""The payload codec: what leaves for Temporal is encrypted, what comes is opened.

Runs outside the workflow sandbox, in worker and client alike. A payload is bound to the version of
this form, to the id of its key and to its namespace: moved elsewhere it does not open.

*Source:* temporalio 1.35 `converter.PayloadCodec`.
"""

import hmac
from collections.abc import Sequence

from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from activities.encryption.keys import Keys
from activities.encryption.marks import ENCODING, ENCRYPTED, FORM, KEY_ID, key_of, refused
from activities.encryption.sealing import VERSION, AlteredError, seal, unseal
from rota.security.keyring import Key

PURPOSE = "payload"
SALT = "rota-salt"
"""Beside a payload in the store: its digest stands in a history for all to read, and must not tell
whether the payload is what somebody guesses."""
_STRICT = (
    "a payload is not encrypted, and this fleet takes no others (encryption.strict): send it by "
    "rota or the SDK with the fleet's keys"
)


class SealingCodec(PayloadCodec):
    """Encrypts with the key in use, opens with any on the ring."""

    def __init__(self, keys: Keys, namespace: str, *, strict: bool) -> None:
        """Encrypt for `namespace`; with `strict`, refuse what is not encrypted."""
        self._keys = keys
        self._namespace = namespace
        self._strict = strict

    def lenient(self) -> "SealingCodec":
        """Return the codec that takes plain payloads, too: of a file, or opened before."""
        return SealingCodec(self._keys, self._namespace, strict=False)

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypt each of `payloads`."""
        key = self._keys.active
        return [self._sealed(key, payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Open each of `payloads`; what is not taken becomes a `refused` one.

        Raises:
            KeyNeededError: one is encrypted with a key that is not here. A workflow task fails
                for it and is repeated: nothing of the message is lost.
        """
        return [self._opened(payload) for payload in payloads]

    async def uncovered(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return what `encode` gave as it lies in the store: opened, each with a salt.

        The same payload gives the same bytes, as long as the same key is in use.
        """
        key = self._keys.active
        return [_salted(key, payload) for payload in await self.lenient().decode(payloads)]

    async def covered(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return what lies in the store as `decode` takes it.

        It was read from the store, so it was encrypted, or the store has refused it.
        """
        plain = [_unsalted(payload) for payload in payloads]
        return await self.encode(plain)

    def _sealed(self, key: Key, payload: Payload) -> Payload:
        data = seal(key, PURPOSE, payload.SerializeToString(), self._namespace)
        metadata = {ENCODING: ENCRYPTED, KEY_ID: key.id.encode(), FORM: VERSION.encode()}
        return Payload(metadata=metadata, data=data)

    def _opened(self, payload: Payload) -> Payload:
        key_id = key_of(payload)
        if key_id is None:
            return refused(_STRICT) if self._strict else payload
        form = payload.metadata.get(FORM, b"").decode(errors="replace")
        if form != VERSION:
            return refused(f"a payload is encrypted in form '{form}', which this Rota cannot read")
        key = self._keys.find(key_id, "a payload")
        try:
            return Payload.FromString(unseal(key, PURPOSE, payload.data, self._namespace))
        except (AlteredError, DecodeError) as error:
            return refused(
                f"a payload encrypted with key {key_id} cannot be opened in namespace "
                f"{self._namespace}: {error}"
            )


def _salted(key: Key, payload: Payload) -> Payload:
    salted = Payload()
    salted.CopyFrom(payload)
    plain = payload.SerializeToString(deterministic=True)
    salted.metadata[SALT] = hmac.digest(key.derived(SALT), plain, "sha256")
    return salted


def _unsalted(payload: Payload) -> Payload:
    plain = Payload()
    plain.CopyFrom(payload)
    plain.metadata.pop(SALT, None)
    return plain
