"""Bedrock Agents Classic: its rules beyond the service model, and what an agent answers."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.fakes.aws_answers import Delivery, Pieces, Response
from tests.fakes.aws_frames import event, exception
from tests.fakes.aws_server import AwsFake
from tests.fakes.aws_shapes import Call

MODEL = "anthropic.claude-haiku-4-5-20251001-v1:0"
AGENT, ALIAS = "AGENT12345", "ALIAS12345"

TERMINATED = "Session is terminated as 'endSession' flag is set in request."


class AgentsFake(AwsFake):
    """A fake of `bedrock-agent-runtime`; ends of sessions are answered without a script."""

    def __init__(self, *, expect_invalid: bool = False) -> None:
        super().__init__("bedrock-agent-runtime", self._problem, expect_invalid=expect_invalid)
        self._waiting: dict[str, ReturnControl] = {}
        self._agent: list[Response] = []
        self.always["InvokeAgent"] = self._invoke

    def agent(self, *responses: Response) -> None:
        """Append to the agent's script."""
        self._agent.extend(responses)

    @property
    def ended(self) -> list[str]:
        """Sessions that were ended, in order."""
        return [call.params["sessionId"] for call in self.requests if _ends(call.params)]

    @property
    def asked(self) -> list[dict[str, Any]]:
        """What the agent was asked, ends left out."""
        return [call.params for call in self.requests if not _ends(call.params)]

    def _invoke(self, call: Call) -> Delivery:
        if _ends(call.params):
            return Pieces((chunk(TERMINATED),), headers=_headers(call))
        if not self._agent:
            self.problems.append("InvokeAgent found the script empty")
            return Turn("")(call)
        response = self._agent.pop(0)
        if isinstance(response, ReturnControl):
            self._waiting[call.params["sessionId"]] = response
        return response(call) if callable(response) else response

    def _problem(self, call: Call) -> str | None:
        params = call.params
        if call.operation != "InvokeAgent":
            return f"{call.operation} is not played"
        if (params["agentId"], params["agentAliasId"]) != (AGENT, ALIAS):
            return "no such agent"
        if _ends(params):
            return None
        state = params.get("sessionState", {})
        waiting = self._waiting.pop(params["sessionId"], None)
        if waiting is None:
            if "returnControlInvocationResults" in state:
                return "there is no invocation to be answered"
            return None if params.get("inputText") else "inputText is needed"
        if "inputText" in params:
            return "inputText is not allowed with returnControlInvocationResults"
        return _answers(waiting, state)


def _answers(waiting: "ReturnControl", state: dict[str, Any]) -> str | None:
    if state.get("invocationId") != waiting.invocation:
        return "the invocation id is not the one that waits"
    given = [
        next(iter(result.values())) for result in state.get("returnControlInvocationResults", [])
    ]
    keys = ("actionGroup", "function", "apiPath", "httpMethod")
    wanted = [{k: v for k, v in asked.items() if k in keys} for asked in waiting.named]
    if [{k: v for k, v in result.items() if k in keys} for result in given] != wanted:
        return f"the results are not those of {wanted}"
    return None


def _ends(params: dict[str, Any]) -> bool:
    return bool(params.get("endSession"))


def _headers(call: Call) -> dict[str, str]:
    return {
        "content-type": "application/vnd.amazon.eventstream",
        "x-amzn-bedrock-agent-content-type": "application/json",
        "x-amz-bedrock-agent-session-id": call.params["sessionId"],
    }


@dataclass(frozen=True)
class Turn:
    """What the agent answers, with one trace for each of its model calls."""

    words: str
    usages: tuple[tuple[int, int], ...] = ((100, 20),)
    model: str = MODEL
    after: float = 0.0
    between: float = 0.0
    cut: int | None = None
    how: Literal["eof", "drop", "reset", "silence"] = "eof"
    error: tuple[str, str] | None = None
    pieces: int = 1

    def __call__(self, call: Call) -> Delivery:
        """Stream it."""
        frames, cut = tuple(self.frames()), self.cut
        if self.error is not None:
            frames, cut = (*frames[:cut], exception(*self.error)), None
        return Pieces(
            frames,
            headers=_headers(call),
            after=self.after,
            between=self.between,
            cut=cut,
            how=self.how,
        )

    def frames(self) -> Iterable[bytes]:
        """The events, in order."""
        yield from traces(self.usages, self.model)
        size = -(-len(self.words) // self.pieces) or 1
        for start in range(0, len(self.words), size):
            yield chunk(self.words[start : start + size])


@dataclass(frozen=True)
class ReturnControl:
    """The agent wants functions called here: members of `invocationInputs`."""

    inputs: tuple[dict[str, Any], ...]
    invocation: str = "inv-0001"
    usages: tuple[tuple[int, int], ...] = ((100, 20),)
    model: str = MODEL
    named: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def __post_init__(self) -> None:
        self.named.extend(next(iter(member.values())) for member in self.inputs)

    def __call__(self, call: Call) -> Delivery:
        """Stream it."""
        wanted = {"invocationId": self.invocation, "invocationInputs": list(self.inputs)}
        frames = (*traces(self.usages, self.model), event("returnControl", wanted))
        return Pieces(frames, headers=_headers(call))


def function(name: str, args: dict[str, tuple[str, str]], **more: Any) -> dict[str, Any]:
    """A function that the agent wants called; arguments as (type, text)."""
    parameters = [{"name": n, "type": kind, "value": v} for n, (kind, v) in args.items()]
    wanted = {"actionGroup": "group", "function": name, "parameters": parameters}
    return {"functionInvocationInput": wanted | {"actionInvocationType": "RESULT"} | more}


def chunk(words: str) -> bytes:
    """A part of the answer."""
    return event("chunk", {"bytes": base64.b64encode(words.encode()).decode()})


def traces(usages: Iterable[tuple[int, int]], model: str) -> Iterable[bytes]:
    """What each model call leaves in the trace."""
    for input_tokens, output_tokens in usages:
        asked = {"foundationModel": model, "text": "{}", "type": "ORCHESTRATION"}
        yield trace({"orchestrationTrace": {"modelInvocationInput": asked}})
        usage = {"inputTokens": input_tokens, "outputTokens": output_tokens}
        output = {"metadata": {"usage": usage}, "rawResponse": {"content": "…"}}
        yield trace({"orchestrationTrace": {"modelInvocationOutput": output}})


def trace(content: dict[str, Any]) -> bytes:
    """One trace event."""
    return event("trace", {"agentId": AGENT, "agentAliasId": ALIAS, "trace": content})
