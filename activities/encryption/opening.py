"""Histories and descriptions with their payloads opened, for those who read them as they are.

Activity side. The SDK decodes what it hands out as values; whoever looks into a history's events
or a description's failures meets the encrypted form, and calls this first.
"""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any, TypeVar, cast

from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload, SearchAttributes
from temporalio.api.failure.v1 import Failure
from temporalio.client import WorkflowHistory
from temporalio.converter import DataConverter, PayloadCodec

from activities.encryption.codec import SealingCodec

M = TypeVar("M", bound=Message)


def lenient(converter: DataConverter) -> DataConverter:
    """Return the converter that reads plain payloads, too: of what was opened, or of a file."""
    codec = converter.payload_codec
    if not isinstance(codec, SealingCodec):
        return converter
    return dataclasses.replace(converter, payload_codec=codec.lenient())


async def opened(message: M, converter: DataConverter) -> M:
    """Return `message` with every payload in it opened and every failure readable.

    What lies in the object store stays a reference. Without encryption: the message itself.

    Raises:
        KeyNeededError: something in it is encrypted with a key that is not here.
    """
    codec = lenient(converter).payload_codec
    if codec is None:
        return message
    copy = type(message)()
    copy.CopyFrom(message)
    await _open(copy, codec)
    return copy


async def opened_history(history: WorkflowHistory, converter: DataConverter) -> WorkflowHistory:
    """Return `history` with its events `opened`."""
    events = [await opened(event, converter) for event in history.events]
    return WorkflowHistory(history.workflow_id, events)


async def _open(message: Message, codec: PayloadCodec) -> None:
    for each in messages_below(message):
        if isinstance(each, Payload):
            [plain] = await codec.decode([each])
            each.CopyFrom(plain)
        else:
            await _open(each, codec)
    if isinstance(message, Failure) and message.HasField("encoded_attributes"):
        _show(message)


def messages_below(message: Message) -> Iterator[Message]:
    """Yield the messages right below, those of maps and lists too; never search attributes."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            values: list[Any] = list(value.values())
        else:
            values = [value] if isinstance(value, Message) else list(value)
        for each in values:
            # Nothing encrypts what people search by.
            if isinstance(each, Message) and not isinstance(each, SearchAttributes):
                yield each


def _show(failure: Failure) -> None:
    try:
        told: Any = json.loads(failure.encoded_attributes.data)
    except ValueError:
        return  # refused: then it stays hidden
    if isinstance(told, dict):
        words = cast("dict[str, Any]", told)
        failure.message = str(words.get("message", ""))
        failure.stack_trace = str(words.get("stack_trace", ""))
        failure.ClearField("encoded_attributes")
