"""Puts a streamed completion together again, without I/O, and refuses a cut one.

A stream is whole when its choice has a finish reason and `[DONE]` has come: nothing less
proves that no call lost its last argument.

Source: platform.openai.com, Chat Completions, streaming.
"""

from typing import Any, cast

from activities.providers.json_fields import optional_field
from activities.runtimes.openai_messages import VENDOR
from rota.failures import FailureCategory, StepError

DONE = "[DONE]"
"""Data of the last event."""


class CompletionAssembler:
    """Collects the chunks of one stream, each as a plain dict, in the order received."""

    def __init__(self) -> None:
        self._whole: dict[str, Any] = {}
        self._message: dict[str, Any] = {}
        self._calls: dict[int, dict[str, Any]] = {}
        self._finish: str | None = None
        self._done = False

    def add(self, chunk: Any) -> None:
        """Take in one chunk.

        Raises:
            StepError: `outcome_invalid`, a field is of another type than it should be.
        """
        if (model := optional_field(chunk, "model", str, VENDOR)) is not None:
            self._whole["model"] = model
        if (usage := optional_field(chunk, "usage", dict, VENDOR)) is not None:
            # Running totals where a server repeats them; the last ones count.
            self._whole["usage"] = usage
        if not optional_field(chunk, "choices", list, VENDOR):
            return
        delta = optional_field(chunk, "choices.0.delta", dict, VENDOR) or {}
        self._extend(delta)
        reason = optional_field(chunk, "choices.0.finish_reason", str, VENDOR)
        self._finish = reason or self._finish

    def done(self) -> None:
        """Take note of `[DONE]`."""
        self._done = True

    def finish(self) -> dict[str, Any]:
        """Return the completion as an answer without streaming has it.

        Raises:
            StepError: `transient`, the stream ended before the answer did. It may have
                been billed.
        """
        if not self._done or self._finish is None:
            raise StepError(
                FailureCategory.TRANSIENT,
                f"{VENDOR}'s stream ended before the answer did",
                maybe_billed=True,
            )
        calls = [call for _, call in sorted(self._calls.items())]
        message = self._message | ({"tool_calls": calls} if calls else {})
        return {**self._whole, "choices": [{"message": message, "finish_reason": self._finish}]}

    def _extend(self, delta: dict[str, Any]) -> None:
        for key, value in delta.items():
            if key == "tool_calls":
                for part in optional_field(delta, key, list, VENDOR) or []:
                    self._extend_call(part)
            elif key != "role" and value is not None:
                self._message[key] = _grown(self._message.get(key), value)

    def _extend_call(self, part: Any) -> None:
        call_id = optional_field(part, "id", str, VENDOR)
        index = optional_field(part, "index", int, VENDOR)
        if index is None:
            # Left out by servers that send each call whole: one with an id is a new one.
            index = len(self._calls) if call_id or not self._calls else max(self._calls)
        call = self._calls.setdefault(index, {"function": {"name": "", "arguments": ""}})
        if call_id:
            call["id"] = call_id
        function = call["function"]
        if name := optional_field(part, "function.name", str, VENDOR):
            # Whole wherever it comes; servers that repeat it must not double it.
            function["name"] = name
        if optional_field(part, "function", dict, VENDOR) is not None:
            arguments = optional_field(part, "function.arguments", str, VENDOR)
            function["arguments"] += arguments or ""


def failure_in(chunk: Any) -> dict[str, Any] | None:
    """The error that a server reports with status 200, in a stream or instead of an answer."""
    if not isinstance(chunk, dict):
        return None
    fields = cast("dict[str, Any]", chunk)
    error = fields.get("error")
    if error is None:
        return None
    if not isinstance(error, dict):
        return {"message": str(error)}
    return cast("dict[str, Any]", error)


def _grown(known: Any, more: Any) -> Any:
    """Text grows, lists go on (content, refusal, reasoning); the rest is set anew."""
    grows = isinstance(known, str | list) and type(cast("Any", known)) is type(more)
    return cast("Any", known) + more if grows else more
