"""Temporal's large payloads in our object store.

I/O side, worker and client alike. Without it an input over 2 MiB is refused, a result
over 2 MiB is retried for ever after the work was done, and a task whose commands exceed
4 MiB ends its run. With it such a payload travels as a reference of some hundred bytes.

With encryption, what lies in the store is encrypted by the store, not by the payload codec before
it: so it is found again by its content, like every other object. The digest stands in the history
for everybody to read; a keyed salt beside the payload keeps it from confirming a guess.

*Source:* temporalio 1.35 `converter.ExternalStorage` (public preview), its S3 driver.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    StorageDriver,
    StorageDriverClaim,
    StorageDriverRetrieveContext,
    StorageDriverStoreContext,
)

from activities.stores.base import ObjectStore, StoreError

if TYPE_CHECKING:
    from activities.encryption.codec import SealingCodec

DRIVER_NAME = "rota"
"""Recorded in every history that refers to a stored payload: never to be renamed."""

PAYLOAD_THRESHOLD = 64 * 1024
"""Bytes from which a payload is stored outside. A quarter of the SDK's default: 100 turns
of results just below it stay under the 4 MiB of history at which a run continues as new,
while summaries and admissions, some KiB, cost no round trip to the store."""

_DIGEST = "sha256"


class ObjectStorePayloads(StorageDriver):
    """Stores payloads under their digest: the same one passed on costs no more room."""

    def __init__(self, store: ObjectStore, codec: "SealingCodec | None" = None) -> None:
        """Keep payloads in `store`; whoever reads a history needs the same one.

        `codec` is that of the converter, which stands before this driver.
        """
        self._store = store
        self._codec = codec

    def name(self) -> str:
        """See `DRIVER_NAME`."""
        return DRIVER_NAME

    def type(self) -> str:
        """Return the kind of driver, for Temporal's worker list."""
        return "rota.objectstore"

    async def store(
        self, context: StorageDriverStoreContext, payloads: Sequence[Payload]
    ) -> list[StorageDriverClaim]:
        """Store `payloads` and return one claim each, in order.

        Idempotency: content-addressed. Raises `StoreError`, which Temporal tries again.
        """
        if self._codec is not None:
            payloads = await self._codec.uncovered(payloads)
        # Deterministic: the order of a payload's metadata must not change its digest.
        digests = await asyncio.gather(
            *(self._store.put(p.SerializeToString(deterministic=True)) for p in payloads)
        )
        return [StorageDriverClaim({_DIGEST: digest}) for digest in digests]

    async def retrieve(
        self, context: StorageDriverRetrieveContext, claims: Sequence[StorageDriverClaim]
    ) -> list[Payload]:
        """Return the payloads of `claims`, in order, each verified against its digest."""
        payloads = list(await asyncio.gather(*(self._payload(claim) for claim in claims)))
        return payloads if self._codec is None else await self._codec.covered(payloads)

    async def _payload(self, claim: StorageDriverClaim) -> Payload:
        digest = claim.claim_data.get(_DIGEST)
        if digest is None:
            raise StoreError(f"history refers to a payload without {_DIGEST}: not ours")
        data = await self._store.get(digest)
        try:
            return Payload.FromString(data)
        except DecodeError as error:
            raise StoreError(f"object {digest} in {self._store.address} is no payload") from error
