"""Failures that hide their words, and messages with everything in them opened."""

from pathlib import Path

from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.exceptions import ApplicationError

from activities.converter import data_converter
from activities.encryption.marks import RefusedPayloadError
from activities.encryption.opening import lenient, opened
from activities.failure_converter import HIDDEN, KEY_DELAY
from activities.stores.base import KeyNeededError
from rota.failures import FailureCategory
from tests.encrypted import encryption_at, key

WORDS = "customer 4711"


def chained() -> ApplicationError:
    """An error with a cause of a cause, each with private words and a stack trace."""
    try:
        try:
            try:
                raise KeyError(WORDS)
            except KeyError as error:
                raise ValueError(f"no {WORDS}") from error
        except ValueError as error:
            raise ApplicationError(f"failed for {WORDS}", WORDS, type="RunFailed") from error
    except ApplicationError as error:
        return error


async def test_failure_hides_its_words_and_those_of_its_causes(tmp_path: Path) -> None:
    """Type and retry stay; whoever has the key reads it as it was raised."""
    converter = data_converter(encryption=encryption_at(tmp_path / "keys", key(1)))
    failure = Failure()
    await converter.encode_failure(chained(), failure)
    assert WORDS.encode() not in failure.SerializeToString()
    assert failure.message == failure.cause.message == failure.cause.cause.message == HIDDEN
    assert failure.application_failure_info.type == "RunFailed"
    read = await converter.decode_failure(failure)
    assert isinstance(read, ApplicationError)
    assert (read.message, read.details) == (f"failed for {WORDS}", (WORDS,))
    assert f"no {WORDS}" in str(read.__cause__)


async def test_failure_that_is_passed_on_is_hidden_again(tmp_path: Path) -> None:
    """A workflow that lets a step's failure through writes it as it came, causes and all."""
    converter = data_converter(encryption=encryption_at(tmp_path / "keys", key(1)))
    first, second = Failure(), Failure()
    await converter.encode_failure(chained(), first)
    await converter.encode_failure(await converter.decode_failure(first), second)
    assert WORDS.encode() not in second.SerializeToString()
    plain = await opened(second, converter)
    assert plain.message == f"failed for {WORDS}"
    assert f"no {WORDS}" in plain.cause.message
    assert "test_opening.py" in plain.stack_trace


async def test_failure_of_keys_stays_readable_and_is_tried_again_later(tmp_path: Path) -> None:
    """Whoever is to put a key back has none to read it with."""
    converter = data_converter(encryption=encryption_at(tmp_path / "keys", key(1)))
    for error in (KeyNeededError("key k-1 is not here"), RefusedPayloadError("not encrypted")):
        failure = Failure()
        try:
            raise RuntimeError(WORDS) from error
        except RuntimeError as outer:
            await converter.encode_failure(outer, failure)
        assert failure.message == HIDDEN
        assert failure.cause.message == str(error)
    await converter.encode_failure(KeyNeededError("key k-1 is not here"), failure)
    delay = failure.application_failure_info.next_retry_delay.ToTimedelta()
    assert (failure.message, delay) == ("key k-1 is not here", KEY_DELAY)


async def test_step_whose_input_lacks_its_key_is_tried_again_later_and_says_so(
    tmp_path: Path,
) -> None:
    """The SDK's own words tell nothing; what the store says of a blob is told in the same way."""
    converter = data_converter(encryption=encryption_at(tmp_path / "keys", key(1)))
    for words, type in (("Failed decoding arguments", None), (f"the store: {WORDS}", "transient")):
        failure = Failure()
        error = ApplicationError(words, type=type)
        error.__cause__ = KeyNeededError("key k-1 is not here")
        await converter.encode_failure(error, failure)
        told = failure.application_failure_info
        assert (failure.message, told.type) == ("key k-1 is not here", FailureCategory.AUTH)
        assert told.next_retry_delay.ToTimedelta() == KEY_DELAY
        assert not told.non_retryable
        assert WORDS not in str(failure)


async def test_event_is_opened_wherever_something_is_encrypted_in_it(tmp_path: Path) -> None:
    """Maps, lists and failures; search attributes, never encrypted, stay as they are."""
    converter = data_converter(encryption=encryption_at(tmp_path / "keys", key(1)))
    [payload] = await converter.encode([WORDS])
    event = HistoryEvent()
    started = event.workflow_execution_started_event_attributes
    started.input.payloads.extend([payload, payload])
    started.memo.fields["rota_result"].CopyFrom(payload)
    started.header.fields["trace"].CopyFrom(payload)
    started.search_attributes.indexed_fields["RotaAgent"].data = b'"report"'
    event.user_metadata.summary.CopyFrom(payload)
    await converter.encode_failure(chained(), started.continued_failure)
    plain = await opened(event, converter)
    assert plain.SerializeToString().count(f'"{WORDS}"'.encode()) == 6
    assert plain.workflow_execution_started_event_attributes.continued_failure.message.startswith(
        "failed for"
    )
    assert event.SerializeToString().count(WORDS.encode()) == 0


async def test_what_is_plain_or_without_keys_is_left_as_it_is(tmp_path: Path) -> None:
    """A record is not kept from those who read it, however strict the fleet."""
    strict = data_converter(encryption=encryption_at(tmp_path / "keys", key(1)))
    event = HistoryEvent()
    event.user_metadata.summary.CopyFrom(
        Payload(metadata={"encoding": b"json/plain"}, data=b'"word"')
    )
    assert await opened(event, strict) == event
    assert await opened(event, data_converter()) is event
    assert await lenient(strict).decode([event.user_metadata.summary]) == ["word"]
