"""Payloads that lie in the object store, put back into their histories.

Activity side: reads. A history on the server refers to large payloads by digest; taken out of the
house it must hold them, or nobody could read or replay it where that store is not.
"""

from collections.abc import Iterable

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload

from activities.stores.base import ObjectStore, StoreError
from rota.audit.histories import claim_of, payloads_in
from rota.audit.run_record import ExecutionHistory


async def inlined(
    store: ObjectStore, executions: Iterable[ExecutionHistory], notes: list[str]
) -> set[str]:
    """Replace references by what they refer to, in place; return the digests that were named.

    What is not there any more stays a reference, with a note.
    """
    claims: set[str] = set()
    for execution in executions:
        for payload in list(payloads_in(execution.history)):
            digest = claim_of(payload)
            if digest is None:
                continue
            claims.add(digest)
            try:
                whole = Payload.FromString(await store.get(digest))
            except (StoreError, DecodeError) as error:
                notes.append(f"a large value of its history is missing: {error}")
                continue
            payload.clear()
            payload.update(MessageToDict(whole))
    return claims
