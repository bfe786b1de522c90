"""Puts a streamed message together again, without I/O, and refuses a cut one.

The SDK's own accumulator parses tool arguments in partial mode: a call cut in the middle
becomes a valid call with fewer arguments. It also drops what it does not know, and a
stream without its last event ends there like a whole one. None of that may reach a tool.

Source: platform.claude.com, Streaming Messages, version 2026-10-21.
"""

from typing import Any

from activities.providers.model_text import read_arguments, whole_text
from rota.failures import FailureCategory, StepError


class MessageAssembler:
    """Collects the events of one stream, each as a plain dict, in the order received."""

    def __init__(self) -> None:
        self._message: dict[str, Any] | None = None
        self._arguments: dict[int, str] = {}
        self._complete = False

    def add(self, event: dict[str, Any]) -> None:
        """Take in one event; unknown ones are ignored, as the API asks.

        Raises:
            StepError: `transient`, the event does not fit the ones before it.
        """
        try:
            self._add(event)
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise _broken(f"a {event.get('type')} event is malformed: {error!r}", None) from None

    def finish(self, request_id: str | None, content_type: str) -> dict[str, Any]:
        """Return the whole message as the API's own JSON.

        Raises:
            StepError: `transient`, the stream ended before the message did, or never
                was one. It may have been billed.
        """
        if self._message is None:
            raise _broken(
                f"the answer is no event stream but {content_type or 'empty'}", request_id
            )
        if not self._complete:
            raise _broken("the stream ended before the message did", request_id)
        return whole_text(self._message)

    def _add(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "message_start":
                self._message = {**event["message"], "content": []}
            case "content_block_start":
                self._opened()["content"].append(dict(event["content_block"]))
            case "content_block_delta":
                self._extend(event["index"], event["delta"])
            case "content_block_stop":
                self._close_block(event["index"])
            case "message_delta":
                self._update(event["delta"], event["usage"])
            case "message_stop":
                self._complete = True
            case _:
                pass

    def _opened(self) -> dict[str, Any]:
        if self._message is None:
            raise KeyError("message_start")
        return self._message

    def _extend(self, index: int, delta: dict[str, Any]) -> None:
        block = self._opened()["content"][index]
        match delta["type"]:
            case "input_json_delta":
                self._arguments[index] = self._arguments.get(index, "") + delta["partial_json"]
            case "citations_delta":
                block["citations"] = [*(block.get("citations") or []), delta["citation"]]
            case "signature_delta":
                block["signature"] = delta["signature"]
            case _:
                # text_delta, thinking_delta, and whatever comes: text grows, the rest is set.
                for key, value in delta.items():
                    if key != "type":
                        grows = isinstance(value, str) and isinstance(block.get(key), str)
                        block[key] = block[key] + value if grows else value

    def _close_block(self, index: int) -> None:
        text = self._arguments.pop(index, "")
        if text:
            self._opened()["content"][index]["input"] = read_arguments(text)

    def _update(self, delta: dict[str, Any], usage: dict[str, Any]) -> None:
        message = self._opened()
        message.update(delta)
        # Counts here are running totals; absent and null ones leave the first count standing.
        message["usage"].update({key: count for key, count in usage.items() if count is not None})


def _broken(what: str, request_id: str | None) -> StepError:
    return StepError(
        FailureCategory.TRANSIENT,
        f"Anthropic's answer is not usable: {what}",
        maybe_billed=True,
        request_id=request_id,
    )
