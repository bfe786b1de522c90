"""Payloads opened for people: what the Temporal UI and CLI ask a codec server for.

Worker side, without HTTP: whoever serves it asks who may see what, and writes down who has. A
payload that lies in the object store is fetched from there, so that one answer shows the whole.

*Source:* temporalio 1.35 `converter.DataConverter`; Temporal's codec server protocol.
"""

from collections.abc import Sequence

from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.converter import DataConverter

from activities.converter import data_converter
from activities.encryption.encryption import Encryption
from activities.encryption.marks import key_of, reason_in
from activities.encryption.opening import lenient
from activities.side_by_side import side_by_side
from activities.stores.base import ObjectStore, StoreError

UNREADABLE = "rota-unreadable"
"""Metadata that says why a payload could not be opened."""
READS_AT_ONCE = 16
"""As many as a store in S3 has connections."""


class NamespaceUnknownError(Exception):
    """Payloads of another namespace than the one whose keys are here."""


class PayloadReader:
    """Opens payloads of one namespace."""

    def __init__(self, store: ObjectStore, encryption: Encryption | None, namespace: str) -> None:
        """Read with the keys and the store of a process; without keys, stored ones alone."""
        self._namespace = namespace
        self._converter: DataConverter = lenient(data_converter(store, encryption))

    async def decode(self, payloads: Sequence[Payload], namespace: str) -> list[Payload]:
        """Return `payloads` in their order, each as plain as it can be made.

        One that cannot be opened comes back as it was, with the reason in its metadata under
        `UNREADABLE`: the others of a page are to be seen all the same.

        Args:
            payloads: As the server keeps them.
            namespace: Where they come from, as the asker says (header `X-Namespace`).

        Raises:
            NamespaceUnknownError: it is not the namespace that is served here.
        """
        if namespace != self._namespace:
            raise NamespaceUnknownError(
                f"namespace {namespace} is not served here: this is {self._namespace}"
            )
        return await side_by_side(payloads, self._decoded, READS_AT_ONCE)

    async def _decoded(self, payload: Payload) -> Payload:
        try:
            # A raw value: everything that the converter does, short of making a value of it.
            [value] = await self._converter.decode([payload], [RawValue])
        except (StoreError, RuntimeError, ValueError) as error:
            # The last two: a reference to a store of somebody else's.
            return _unreadable(payload, str(error))
        plain: Payload = value.payload
        if (reason := reason_in([plain])) is not None:
            return _unreadable(payload, reason)
        if (key_id := key_of(plain)) is not None:
            return _unreadable(payload, f"encrypted with key {key_id}; no keys are known here")
        return plain


def _unreadable(payload: Payload, reason: str) -> Payload:
    told = Payload()
    told.CopyFrom(payload)
    told.metadata[UNREADABLE] = reason.encode()
    return told
