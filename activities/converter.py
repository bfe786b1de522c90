"""How values become Temporal payloads: the one data converter of every Rota process.

Used by client, worker, replayer and tests; runs inside the workflow sandbox too, so it
does no I/O of its own and imports no provider or storage SDK.

Temporal's own pydantic converter has two gaps that hurt here. A value that cannot be
decoded (a typo in `temporal workflow start --input`) raises an ordinary exception, which
fails the workflow *task*: the run hangs, retried for ever, instead of failing. And NaN
is written as `null`, which then fails in whoever reads it. Both become one clean,
non-retryable failure of type `PayloadValidationError` that names the field.

*Source:* temporalio 1.35 `contrib.pydantic`, `converter.create_payload_validation_error`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from types import NoneType
from typing import TYPE_CHECKING, Any, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import SchemaSerializer, core_schema
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import (
    BinaryNullPayloadConverter,
    BinaryPlainPayloadConverter,
    DataConverter,
    EncodingPayloadConverter,
    ExternalStorage,
)
from temporalio.exceptions import ApplicationError

from activities.encryption.marks import RefusedPayloadError, key_of, reason_in
from activities.failure_converter import SafeFailureConverter, SealedFailureConverter
from activities.stores.base import KeyNeededError, ObjectStore
from activities.stores.payloads import PAYLOAD_THRESHOLD, ObjectStorePayloads
from rota.failures import MESSAGE_LIMIT, PAYLOAD_ERROR_TYPE
from rota.model import StepResult

if TYPE_CHECKING:
    from activities.encryption.encryption import Encryption

PROBLEMS_LIMIT = 20
"""Problems listed at most: more help nobody, and failures travel in history."""

_ANY = SchemaSerializer(core_schema.any_schema())
_UNTYPED = (None, Any, object)


class SafePayloadConverter(PydanticPayloadConverter):
    """Pydantic's types on the wire; what does not fit fails cleanly, in both directions."""

    def __init__(self) -> None:
        """Create the converter, without arguments as Temporal asks of its class."""
        # Shared, not made anew: with external storage the SDK makes a converter for each
        # payload it looks at, and none of the parts holds more than a cache of types.
        self.converters = _parts()

    def to_payloads(self, values: Sequence[Any]) -> list[Payload]:
        """Encode `values`.

        Raises:
            ApplicationError: a value has no JSON form, or holds NaN or an infinity.
                Retryable no: encoding the same value again ends the same way.
        """
        try:
            payloads = super().to_payloads(values)
        except ValueError as error:
            raise _payload_error("Value cannot be written as JSON", [str(error)]) from error
        for value, payload in zip(values, payloads, strict=True):
            if _may_hide_nan(payload) and not isinstance(value, RawValue):
                plain = _ANY.to_python(value, warnings=False)
                if problems := list(_not_finite(plain, "")):
                    raise _payload_error("Value cannot be written as JSON", problems)
        return payloads

    def from_payloads(
        self, payloads: Sequence[Payload], type_hints: list[type] | None = None
    ) -> list[Any]:
        """Decode `payloads` to `type_hints`.

        Raises:
            ApplicationError: a payload is not JSON, is of an unknown encoding, or does
                not fit its type. Retryable no: the bytes in history never change.
            ValidationError: a step's result of another version of Rota. It fails the
                workflow task, not the workflow: a worker that can read it goes on.
        """
        try:
            return super().from_payloads(payloads, type_hints)
        except ValidationError as error:
            if any(_is_step_result(hint) for hint in type_hints or ()):
                raise
            raise _payload_error(f"Not a valid {error.title}", _problems(error)) from error
        except Exception as error:
            _raise_if_sealed(payloads)
            # An unknown encoding, an unknown protobuf type, bytes behind a null, a validator
            # that overflows. Whatever it is, it ends the same way however often it is tried.
            reason = str(error.args[0]) if error.args else type(error).__name__
            raise _payload_error("Payload cannot be read", [reason]) from error


def _raise_if_sealed(payloads: Sequence[Payload]) -> None:
    """Say of what cannot be read whether it is encrypted: then it is not wrong, and may wait."""
    reason = reason_in(payloads)
    if reason is not None:
        raise RefusedPayloadError(reason)
    for payload in payloads:
        if (key_id := key_of(payload)) is not None:
            raise KeyNeededError(
                f"a payload is encrypted with key {key_id}, and no keys are known here: name them "
                "in encryption.keys of fleet.yaml or ROTA_ENCRYPTION_KEYS; what needs it waits"
            )


def _is_step_result(hint: object) -> bool:
    return isinstance(hint, type) and issubclass(hint, StepResult)


class _TypedNullConverter(BinaryNullPayloadConverter):
    """Null only where the type allows it.

    The base class ignores the type, so code promised a model would meet None and hang on
    the first attribute it reads.
    """

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        value = super().from_payload(payload, type_hint)
        if type_hint in (*_UNTYPED, NoneType):
            return value
        return TypeAdapter(cast("Any", type_hint)).validate_json(b"null")


class _TypedBytesConverter(BinaryPlainPayloadConverter):
    """Bytes only where the type allows them; the base class ignores the type."""

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        value = super().from_payload(payload, type_hint)
        if type_hint in (*_UNTYPED, bytes):
            return value
        # Strict, or text would take bytes that somebody sent with a wrong encoding.
        return TypeAdapter(cast("Any", type_hint)).validate_python(value, strict=True)


@cache
def _parts() -> Mapping[bytes, EncodingPayloadConverter]:
    typed = (_TypedNullConverter(), _TypedBytesConverter())
    return {**PydanticPayloadConverter().converters, **{c.encoding.encode(): c for c in typed}}


def data_converter(
    store: ObjectStore | None = None, encryption: "Encryption | None" = None
) -> DataConverter:
    """Return the data converter that every process of one installation must use.

    With `store`, payloads from `PAYLOAD_THRESHOLD` on travel through it, and whoever
    reads them needs the same store; without, they are left to Temporal's limits. With
    `encryption`, whoever reads needs its keys.
    """
    codec = encryption.codec if encryption else None
    storage = None
    if store is not None:
        storage = ExternalStorage(
            drivers=[ObjectStorePayloads(store, codec)], payload_size_threshold=PAYLOAD_THRESHOLD
        )
    return DataConverter(
        payload_converter_class=SafePayloadConverter,
        payload_codec=codec,
        failure_converter_class=SealedFailureConverter if codec else SafeFailureConverter,
        external_storage=storage,
    )


def _payload_error(summary: str, problems: list[str]) -> ApplicationError:
    """Return the SDK's `create_payload_validation_error` with a message that says why.

    The SDK's own message is the same for every cause, and it is all that the command
    line and lists of runs show.
    """
    shown = [problem[:MESSAGE_LIMIT] for problem in problems[:PROBLEMS_LIMIT]]
    message = f"{summary}: {'; '.join(shown)}"[:MESSAGE_LIMIT]
    return ApplicationError(message, shown, type=PAYLOAD_ERROR_TYPE, non_retryable=True)


def _problems(error: ValidationError) -> list[str]:
    # Without the offending input: it may be long, or private.
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        ": ".join(filter(None, (".".join(map(str, problem["loc"])), problem["msg"])))
        for problem in details
    ]


def _may_hide_nan(payload: Payload) -> bool:
    """True if the JSON could stem from NaN or an infinity.

    Pydantic writes them as `null` in models and by name elsewhere. Searching the bytes is
    far cheaper than walking every value.
    """
    return any(word in payload.data for word in (b"null", b"NaN", b"Infinity"))


def _not_finite(value: Any, path: str) -> Iterator[str]:
    """Name every NaN and infinity in plain Python `value`."""
    match value:
        case float() if not math.isfinite(value):
            yield f"{path or 'the value'} is {value}; use null or text instead"
        case dict():
            for key, item in cast("dict[Any, Any]", value).items():
                yield from _not_finite(item, f"{path}.{key}" if path else str(key))
        case list() | tuple() | set() | frozenset():
            for index, item in enumerate(cast("list[Any]", value)):
                yield from _not_finite(item, f"{path}.{index}" if path else str(index))
        case _:
            pass
