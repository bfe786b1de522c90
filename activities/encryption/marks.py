"""How encrypted payloads and blobs look from outside, for those who have no key as well.

Light on purpose: the converter of every process imports it, encrypted or not.
"""

from collections.abc import Iterable

from temporalio.api.common.v1 import Payload

ENCODING = "encoding"
ENCRYPTED = b"binary/encrypted"
"""As in Temporal's own samples, so that other tools know what it is."""
KEY_ID = "encryption-key-id"
FORM = "encryption-version"
BLOB_MARK = b"\x00rota-sealed/1\x00"
"""What every encrypted blob begins with. No text begins like it, and no payload: there is no field
number 0."""
REFUSED = b"rota/refused"
"""Never on the wire: what the codec hands to the converter in place of a payload that it does not
take, with the reason as text. Raising there would fail the whole workflow task, so that one bad
signal could stop a keeper for good; raised where the value is read, only its reader fails."""


class RefusedPayloadError(Exception):
    """A payload was not taken: not encrypted, or altered. A workflow task fails and is repeated.

    Not the workflow: with the settings put right again, it goes on.
    """


def refused(reason: str) -> Payload:
    """Return what stands for a payload that is not taken."""
    return Payload(metadata={ENCODING: REFUSED}, data=reason.encode())


def reason_in(payloads: Iterable[Payload]) -> str | None:
    """Return why the first refused one of `payloads` was; None if none was."""
    for payload in payloads:
        if payload.metadata.get(ENCODING) == REFUSED:
            return payload.data.decode(errors="replace")
    return None


def key_of(payload: Payload) -> str | None:
    """Return the id of the key that a payload is encrypted with; None if it is not, by Rota."""
    if payload.metadata.get(ENCODING) != ENCRYPTED or KEY_ID not in payload.metadata:
        return None
    return payload.metadata[KEY_ID].decode(errors="replace")
