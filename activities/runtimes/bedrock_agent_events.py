"""Puts the events of one InvokeAgent together. Pure.

The answer comes in chunks, each of them whole; what was used stands in traces alone, which
the agent's model calls leave one by one. There is no last event: a stream without a chunk and
without a return of control is one that was cut.

Source: boto3 1.44, InvokeAgent's ResponseStream.
"""

from typing import Any, cast

from activities.runtimes.bedrock_agent_control import VENDOR
from rota.failures import FailureCategory, StepError

_TRACES = (
    "preProcessingTrace",
    "orchestrationTrace",
    "postProcessingTrace",
    "routingClassifierTrace",
)
"""Those of model calls. An orchestration's observation repeats what collaborators used, whose
own traces come too."""


class AgentEvents:
    """Collects the events of one stream, in the order received."""

    def __init__(self) -> None:
        self.usages: list[dict[str, Any]] = []
        """What each model call used, in AWS's words."""
        self.models: set[str] = set()
        self.control: dict[str, Any] | None = None
        self._chunks: list[bytes] = []
        self._failure = ""

    def add(self, event: dict[str, Any]) -> str:
        """Take in one event; returns what people read of it. Unknown ones are ignored."""
        if "chunk" in event:
            self._chunks.append(event["chunk"].get("bytes", b""))
            return "answers"
        if "returnControl" in event:
            self.control = event["returnControl"]
            return "returns control"
        if "trace" in event:
            return self._trace(_part(event["trace"], "trace"))
        return "works"

    @property
    def is_whole(self) -> bool:
        """There is an answer, or a return of control: the stream was not cut before."""
        return bool(self._chunks) or self.control is not None

    def answer(self) -> str:
        """Return the whole answer.

        Raises:
            StepError: `transient`: there is none, the stream was cut; `tool_failed`: the
                trace says that the agent failed.
        """
        text = b"".join(self._chunks).decode(errors="replace")
        if text.strip():
            return text
        if self._failure:
            raise StepError(
                FailureCategory.TOOL_FAILED, f"{VENDOR}: {self._failure}", maybe_billed=True
            )
        what = "the agent gave an empty answer" if self._chunks else "the stream ended before it"
        category = FailureCategory.OUTCOME_INVALID if self._chunks else FailureCategory.TRANSIENT
        raise StepError(category, f"{VENDOR}: no answer: {what}", maybe_billed=True)

    def _trace(self, trace: dict[str, Any]) -> str:
        for name in _TRACES:
            part = _part(trace, name)
            if model := _part(part, "modelInvocationInput").get("foundationModel"):
                self.models.add(model)
                return "thinks"
            usage = _part(_part(part, "modelInvocationOutput"), "metadata").get("usage")
            if usage:
                self.usages.append(usage)
                return "thought"
        failure = _part(trace, "failureTrace")
        if failure:
            self._failure = str(failure.get("failureReason") or "the agent failed")
            return f"failed: {self._failure}"
        group = _part(
            _part(_part(trace, "orchestrationTrace"), "invocationInput"),
            "actionGroupInvocationInput",
        )
        return f"calls {group.get('function') or group['actionGroupName']}" if group else "works"


def _part(whole: dict[str, Any], name: str) -> dict[str, Any]:
    found = whole.get(name)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
