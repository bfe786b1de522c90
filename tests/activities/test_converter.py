"""The data converter, without a server."""

import asyncio
import math
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.common import RawValue
from temporalio.converter import DefaultFailureConverter, create_payload_validation_error
from temporalio.exceptions import ApplicationError

from activities.converter import PROBLEMS_LIMIT, data_converter
from activities.secrets import Secrets
from activities.stores.base import ObjectMissingError, StoreError
from activities.stores.local import LocalStore
from activities.stores.payloads import DRIVER_NAME, PAYLOAD_THRESHOLD
from rota.failures import MESSAGE_LIMIT, PAYLOAD_ERROR_TYPE


class Inner(BaseModel):
    amount: float | None = None
    note: Any = None


class Order(BaseModel):
    model_config = ConfigDict(extra="forbid")

    agent: str
    wait: timedelta = timedelta(seconds=1)
    inner: Inner = Inner()
    rows: list[Inner] = []


@dataclass
class Point:
    x: float


def payload(data: bytes, encoding: bytes = b"json/plain", **metadata: bytes) -> Payload:
    """A payload as another SDK or the command line may send it."""
    return Payload(metadata={"encoding": encoding, **metadata}, data=data)


def refusal(sent: Payload, hint: Any) -> ApplicationError:
    """Decode what must be refused and return the failure."""
    with pytest.raises(ApplicationError) as caught:
        data_converter().payload_converter.from_payloads([sent], [hint])
    return caught.value


def files_below(root: Path) -> list[Path]:
    """Every file a store has written."""
    return [path for path in root.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("sent", "hint", "message"),
    [
        (payload(b'{"agnt": "x"}'), Order, "Not a valid Order: agent: Field required; agnt: Extra"),
        (payload(b'{"agent": 5}'), Order, "agent: Input should be a valid string"),
        (payload(b'{"agent":"x","rows":[{"amount":"y"}]}'), Order, "rows.0.amount: Input should"),
        (payload(b'"reconciliation"'), Order, "Not a valid Order: Input should be an object"),
        (payload(b"[1, 2]"), Order, "Not a valid Order: Input should be an object"),
        (payload(b"5"), Order, "Not a valid Order: Input should be an object"),
        (payload(b"null"), Order, "Not a valid Order: Input should be an object"),
        (payload(b"NaN"), Order, "Not a valid Order: Input should be an object"),
        (payload(b"not json"), Order, "Not a valid Order: Invalid JSON: expected"),
        (payload(b'{"agent": "x"'), Order, "Invalid JSON: EOF"),
        (payload(b'{"agent": "\xff"}'), Order, "Invalid JSON"),
        (payload(b""), Order, "Invalid JSON"),
        (payload(b"[" * 100_000), Order, "Invalid JSON: recursion limit"),
        (payload(b"not json"), Any, "Invalid JSON"),
        (payload(b"", b"binary/null"), Order, "Not a valid Order: Input should be an object"),
        (payload(b"x", b"binary/null"), Order, "Payload cannot be read: "),
        (payload(b'{"agent":"x"}', b"binary/plain"), Order, "Not a valid Order: Input should be"),
        (payload(b"text", b"binary/plain"), str, "Not a valid str: Input should be a valid string"),
        (payload(b"{}", b"binary/rot13"), Order, "cannot be read: Unknown payload encoding"),
        (payload(b"{}", b"\xff\xfe"), Order, "cannot be read: "),
        (Payload(data=b"{}"), Order, "cannot be read: Unknown payload encoding <unknown>"),
        (payload(b"{}", b"json/protobuf", messageType=b"a.B"), Order, "cannot be read: "),
    ],
)
def test_decode_of_what_does_not_fit_is_a_clean_failure(
    sent: Payload, hint: Any, message: str
) -> None:
    """Every way of not fitting ends as one non-retryable failure naming the field."""
    error = refusal(sent, hint)
    assert message in str(error)
    assert error.type == PAYLOAD_ERROR_TYPE
    assert error.non_retryable
    assert error.details[0]


def _trip(value: str) -> str:
    raise OverflowError(f"{value} is out of range") if value else LookupError


Tripping = Annotated[str, AfterValidator(_trip)]


@pytest.mark.parametrize(
    ("sent", "message"),
    [(b'"9999"', "cannot be read: 9999 is out of range"), (b'""', "cannot be read: LookupError")],
)
def test_decode_with_a_validator_that_fails_otherwise_is_a_clean_failure(
    sent: bytes, message: str
) -> None:
    """An error that pydantic lets through does not wedge the run: history never changes."""
    error = refusal(payload(sent), Tripping)
    assert (message in str(error), error.type) == (True, PAYLOAD_ERROR_TYPE)


def test_payload_error_type_is_the_sdks_own() -> None:
    """Nexus and other SDKs recognise the failure by the name Temporal reserves."""
    assert create_payload_validation_error(None).type == PAYLOAD_ERROR_TYPE


def test_decode_failure_is_bounded_and_shows_no_input() -> None:
    """A thousand problems in a large private input make a short failure without it."""
    sent = payload(b'{"agent":"x","rows":[%s]}' % b",".join([b'{"amount":"hush"}'] * 1000))
    error = refusal(sent, Order)
    assert len(str(error)) <= MESSAGE_LIMIT + len(PAYLOAD_ERROR_TYPE) + 2
    assert len(error.details[0]) == PROBLEMS_LIMIT
    assert "hush" not in str(error) + str(error.details)


@pytest.mark.parametrize(
    ("sent", "hint", "value"),
    [
        (payload(b'{"agent":"x","wait":90}'), Order, Order(agent="x", wait=timedelta(seconds=90))),
        (payload(b'{"agent":"x","wait":"PT2M"}'), Order, Order(agent="x", wait=timedelta(0, 120))),
        (payload(b"", b"binary/null"), Order | None, None),
        (payload(b"", b"binary/null"), type(None), None),
        (payload(b"", b"binary/null"), None, None),
        (payload(b"", b"binary/null"), Any, None),
        (payload(b"\xff", b"binary/plain"), bytes, b"\xff"),
        (payload(b"\xff", b"binary/plain"), bytes | None, b"\xff"),
        (payload(b"\xff", b"binary/plain"), None, b"\xff"),
        (payload(b'{"a": [1, null]}'), Any, {"a": [1, None]}),
        (payload(b"{}", b"binary/rot13"), RawValue, RawValue(payload(b"{}", b"binary/rot13"))),
    ],
)
def test_decode_of_what_fits_returns_it(sent: Payload, hint: Any, value: Any) -> None:
    """Plain JSON from anywhere, nulls and bytes arrive as their type says."""
    [decoded] = data_converter().payload_converter.from_payloads([sent], [hint])
    assert decoded == value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (math.nan, "the value is nan"),
        ({"a": [1, {"b": math.inf}]}, "a.1.b is inf"),
        (Order(agent="x", inner=Inner(amount=math.nan)), "inner.amount is nan"),
        (Order(agent="x", inner=Inner(note=[{"deep": -math.inf}])), "inner.note.0.deep is -inf"),
        (Point(math.nan), "x is nan"),
        ({"s": {math.nan}}, "s.0 is nan"),
        (object(), "Unable to serialize unknown type"),
        ("\ud800", "surrogates not allowed"),
    ],
)
def test_encode_of_what_json_cannot_carry_is_a_clean_failure(value: Any, message: str) -> None:
    """NaN, infinities and unknown types are refused where they arise, with their path."""
    with pytest.raises(ApplicationError, match="Value cannot be written as JSON") as caught:
        data_converter().payload_converter.to_payloads([value])
    assert message in str(caught.value)
    assert caught.value.type == PAYLOAD_ERROR_TYPE
    assert caught.value.non_retryable


@pytest.mark.parametrize(
    "value",
    [
        Order(agent="NaN and Infinity and null", inner=Inner(note={"NaN": None})),
        "null",
        None,
        b"NaN null",
        1.5,
        [None, "Infinity"],
    ],
)
def test_encode_of_words_that_only_look_like_nan_passes(value: Any) -> None:
    """Text about NaN, real nulls and bytes are no NaN."""
    converter = data_converter().payload_converter
    [sent] = converter.to_payloads([value])
    assert converter.from_payloads([sent], [type(value)]) == [value]


def test_encode_of_a_raw_value_passes_it_on() -> None:
    """A payload made elsewhere is neither read nor changed."""
    sent = payload(b"null NaN")
    assert data_converter().payload_converter.to_payloads([RawValue(sent)]) == [sent]


async def test_large_payload_travels_as_a_reference(tmp_path: Path) -> None:
    """From the threshold on a payload is stored, and comes back whole from another process."""
    converter, other = (data_converter(LocalStore(tmp_path)) for _ in range(2))
    small, large = "s" * 1000, "l" * PAYLOAD_THRESHOLD
    sent = await converter.encode([small, large])
    assert sent[0].ByteSize() > 1000
    assert sent[1].ByteSize() < 400
    assert b'"%s"' % DRIVER_NAME.encode() in sent[1].data
    assert await other.decode(sent, [str, str]) == [small, large]


async def test_stored_payload_is_shared_by_equal_values(tmp_path: Path) -> None:
    """The same value sent on through many steps takes the room of one."""
    converter = data_converter(LocalStore(tmp_path))
    await asyncio.gather(*(converter.encode(["x" * 100_000]) for _ in range(5)))
    assert len(files_below(tmp_path)) == 1


async def test_stored_payload_that_is_gone_or_damaged_is_an_error(tmp_path: Path) -> None:
    """A reader without the object, or with a damaged one, is told so."""
    converter = data_converter(LocalStore(tmp_path))
    sent = await converter.encode(["x" * 100_000])
    [path] = files_below(tmp_path)
    path.write_bytes(b"other")
    with pytest.raises(StoreError, match="damaged"):
        await converter.decode(sent, [str])
    path.unlink()
    with pytest.raises(ObjectMissingError):
        await converter.decode(sent, [str])


def test_driver_name_is_pinned() -> None:
    """The name is in every history that refers to a stored payload: it never changes."""
    storage = data_converter(LocalStore(Path("unused"))).external_storage
    assert storage is not None
    assert [driver.name() for driver in storage.drivers] == ["rota"]


def test_failures_are_readable_without_our_converter() -> None:
    """Failures stay plain: the Temporal UI and command line show their message."""
    failure = Failure()
    own = data_converter()
    own.failure_converter.to_failure(ValueError("no boxes"), own.payload_converter, failure)
    found = DefaultFailureConverter().from_failure(failure, own.payload_converter)
    assert isinstance(found, ApplicationError)
    assert (found.message, found.type) == ("no boxes", "ValueError")


def test_secret_in_a_failure_or_its_causes_is_cut_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """History is read by many, and kept for long."""
    monkeypatch.setenv("ROTA_TEST_KEY", "hush-hush-key")
    key = Secrets()("env:ROTA_TEST_KEY")
    failure = Failure()
    own = data_converter()
    try:
        try:
            raise KeyError(key)
        except KeyError as error:
            raise ApplicationError(f"refused {key}", type="auth") from error
    except ApplicationError as error:
        own.failure_converter.to_failure(error, own.payload_converter, failure)
    assert (failure.message, failure.cause.message) == ("refused [redacted]", "'[redacted]'")
    assert key not in str(failure)
