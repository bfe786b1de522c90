"""Puts streamed messages of the Converse family together again, and refuses cut ones. Pure.

Converse and AgentCore's harness stream alike; the harness sends several messages, one for
each round of its loop. A stream that is cut just ends, without any error: only `messageStop`
and `metadata` prove that it is whole.

Blocks come out as `Converse` gives them without a stream, so what reads them is the same.

Source: boto3 1.44, ConverseStreamOutput and InvokeHarnessStreamOutput.
"""

from dataclasses import dataclass, field
from typing import Any

from activities.providers.model_text import read_arguments, whole_text
from rota.failures import FailureCategory, StepError

_UNREAD = ("toolResult", "image", "citation", "toolResultMetadata")
"""Deltas of what is not the model's own text or call: a tool of the provider's, an image."""


@dataclass
class StreamedMessage:
    """One message, in the words of Converse."""

    role: str
    content: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    stop: str | None = None


class ConverseStream:
    """Collects the events of one stream, in the order received.

    Args:
        vendor: Who answers, as people call it.
    """

    def __init__(self, vendor: str) -> None:
        self._vendor = vendor
        self.messages: list[StreamedMessage] = []
        self.usages: list[dict[str, Any]] = []
        """Each as `metadata` tells it: one for Converse, one or more for a harness."""
        self.trace: dict[str, Any] = {}
        self._open: dict[int, dict[str, Any]] = {}
        """Blocks that still grow. An index is used again once its block has ended, by a
        harness even before that: a start always begins a new block."""

    def add(self, event: dict[str, Any]) -> None:
        """Take in one event; unknown ones are ignored.

        Raises:
            StepError: `transient`: it does not fit the ones before it.
        """
        try:
            for name, told in event.items():
                self._add(name, told)
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            name = next(iter(event), "empty")
            raise self._broken(f"a {name} event is malformed: {error!r}") from None

    def finish(self) -> StreamedMessage:
        """Return the last message.

        Raises:
            StepError: `transient`: the stream ended before the message did. It may have been
                billed.
        """
        if not self.messages:
            raise self._broken("it has no message")
        last = self.messages[-1]
        if last.stop is None:
            raise self._broken("the stream ended before the message did (no messageStop)")
        if not self.usages:
            raise self._broken("the stream ended before it told what was used (no metadata)")
        return last

    def _add(self, name: str, told: dict[str, Any]) -> None:
        match name:
            case "messageStart":
                self._open.clear()
                self.messages.append(StreamedMessage(told["role"]))
            case "contentBlockStart":
                self._start(told["contentBlockIndex"], told["start"])
            case "contentBlockDelta":
                self._extend(told["contentBlockIndex"], told["delta"])
            case "contentBlockStop":
                self._stop(told["contentBlockIndex"])
            case "messageStop":
                for index in list(self._open):
                    self._stop(index)
                self.messages[-1].stop = told["stopReason"]
            case "metadata":
                self.usages.append(told["usage"])
                self.trace = told.get("trace") or self.trace
            case _:
                pass

    def _start(self, index: int, start: dict[str, Any]) -> None:
        if index in self._open:
            self._stop(index)
        if "toolUse" in start:
            self._begin(index, {"toolUse": {**start["toolUse"], "input": ""}})
        else:
            # Kept, so that what is said of it has a place, but empty: see `_UNREAD`.
            self._begin(index, {"unread": {}})

    def _begin(self, index: int, block: dict[str, Any]) -> dict[str, Any]:
        self.messages[-1].content.append(block)
        self._open[index] = block
        return block

    def _extend(self, index: int, delta: dict[str, Any]) -> None:
        block = self._open.get(index)
        if "text" in delta:
            block = block or self._begin(index, {"text": ""})
            block["text"] += delta["text"]
        elif "toolUse" in delta:
            self._open[index]["toolUse"]["input"] += delta["toolUse"]["input"]
        elif "reasoningContent" in delta:
            block = block or self._begin(index, {"reasoningContent": {}})
            _extend_reasoning(block["reasoningContent"], delta["reasoningContent"])
        elif block is None and any(name in delta for name in _UNREAD):
            self._begin(index, {"unread": {}})

    def _stop(self, index: int) -> None:
        block = self._open.pop(index, None)
        if block is None:
            return
        if "toolUse" in block:
            call = block["toolUse"]
            call["input"] = read_arguments(call["input"])
        elif "text" in block:
            block["text"] = whole_text(block["text"])
        elif "reasoningContent" in block:
            block["reasoningContent"] = whole_text(block["reasoningContent"])

    def _broken(self, what: str) -> StepError:
        return StepError(
            FailureCategory.TRANSIENT,
            f"{self._vendor}'s answer is not usable: {what}",
            maybe_billed=True,
        )


def _extend_reasoning(reasoning: dict[str, Any], delta: dict[str, Any]) -> None:
    if "redactedContent" in delta:
        reasoning["redactedContent"] = (
            reasoning.get("redactedContent", b"") + (delta["redactedContent"])
        )
        return
    text = reasoning.setdefault("reasoningText", {"text": ""})
    text["text"] += delta.get("text", "")
    if "signature" in delta:
        # In pieces with some models.
        text["signature"] = text.get("signature", "") + delta["signature"]
