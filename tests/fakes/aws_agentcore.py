"""AgentCore's rules beyond its service model, and what agents and its harness answer."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.fakes.aws_answers import Delivery, Pieces, Response, Whole, json_answer
from tests.fakes.aws_converse import block_frames, pair_problem
from tests.fakes.aws_frames import event, exception
from tests.fakes.aws_server import AwsFake
from tests.fakes.aws_shapes import Call

RUNTIME = "arn:aws:bedrock-agentcore:eu-central-1:123456789012:runtime/reporter-abcdefghij"
HARNESS = "arn:aws:bedrock-agentcore:eu-central-1:123456789012:harness/reporter-abcdefghij"

Block = dict[str, Any]


class AgentCoreFake(AwsFake):
    """A fake of `bedrock-agentcore`; stops are answered without a script.

    async with AgentCoreFake() as fake:
        fake.work({"result": "done"})
        assert fake.stopped == [session]
    """

    def __init__(self, *, expect_invalid: bool = False) -> None:
        super().__init__("bedrock-agentcore", self._problem, expect_invalid=expect_invalid)
        self._calls = 0
        self._tokens: set[str] = set()
        self.always["StopRuntimeSession"] = self._stop

    def work(self, document: Any, *, after: float = 0.0) -> None:
        """Script an agent's answer of JSON."""
        self.add("InvokeAgentRuntime", json_answer(document, after=after))

    def stream(self, *pieces: str, **details: Any) -> None:
        """Script an agent's event stream; further arguments as `Pieces` takes them."""
        data = tuple(f"data: {piece}\n\n".encode() for piece in pieces)
        headers = {"content-type": "text/event-stream; charset=utf-8"}
        self.add("InvokeAgentRuntime", Pieces(data, headers=headers, **details))

    def harness(self, *responses: Response) -> None:
        """Append to the harness's script."""
        self.add("InvokeHarness", *responses)

    def tool_use(self, name: str, args: dict[str, Any], **more: Any) -> Block:
        """Build a tool call with an id no other one has."""
        self._calls += 1
        call = {"toolUseId": f"tooluse_{self._calls:022d}", "name": name, "input": args}
        return {"toolUse": call | more}

    @property
    def stopped(self) -> list[str]:
        """Sessions that were told to stop, in order."""
        return [call.params["runtimeSessionId"] for call in self.calls("StopRuntimeSession")]

    def _stop(self, call: Call) -> Delivery:
        self._tokens.add(call.params["clientToken"])
        session = {"x-amzn-bedrock-agentcore-runtime-session-id": call.params["runtimeSessionId"]}
        return Whole(b"{}", headers={"content-type": "application/json", **session})

    def _problem(self, call: Call) -> str | None:
        params = call.params
        match call.operation:
            case "InvokeAgentRuntime":
                if "runtimeSessionId" not in params:
                    return "runtimeSessionId: without it each call opens another session"
                return None if params["agentRuntimeArn"] == RUNTIME else "no such runtime"
            case "InvokeHarness":
                return _harness_problem(params)
            case "StopRuntimeSession":
                if "clientToken" not in params:
                    return "clientToken: is needed"
                return None if params["agentRuntimeArn"] == RUNTIME else "no such runtime"
            case _:
                return f"{call.operation} is not played"


def _harness_problem(params: dict[str, Any]) -> str | None:
    if params["harnessArn"] != HARNESS:
        return "no such harness"
    messages = params["messages"]
    if problem := pair_problem(messages):
        return problem
    if messages[-1]["role"] != "user":
        return "the last message must be the user's"
    names = [tool.get("name") for tool in params.get("tools", [])]
    if len(set(names)) != len(names):
        return "tool names are not unique"
    for tool in params.get("tools", []):
        if tool["type"] == "inline_function" and "inlineFunction" not in tool.get("config", {}):
            return f"tool {tool.get('name')} has no config of its type"
    return None


@dataclass(frozen=True)
class Round:
    """One message of the harness's loop."""

    blocks: tuple[Block, ...]
    stop: str = "end_turn"
    role: str = "assistant"


@dataclass(frozen=True)
class Loop:
    """What one call of the harness answers: the rounds of its loop, then what they used."""

    rounds: tuple[Round, ...]
    usage: dict[str, int] = field(
        default_factory=lambda: {"inputTokens": 100, "outputTokens": 20, "totalTokens": 120}
    )
    after: float = 0.0
    between: float = 0.0
    cut: int | None = None
    how: Literal["eof", "drop", "reset", "silence"] = "eof"
    error: tuple[str, str] | None = None

    def __call__(self, call: Call) -> Delivery:
        """Stream it."""
        frames, cut = tuple(self.frames()), self.cut
        if self.error is not None:
            frames, cut = (*frames[:cut], exception(*self.error)), None
        return Pieces(frames, after=self.after, between=self.between, cut=cut, how=self.how)

    def frames(self) -> Iterable[bytes]:
        """The events, in order."""
        for one in self.rounds:
            yield event("messageStart", {"role": one.role})
            for index, block in enumerate(one.blocks):
                yield from block_frames(index, block, 12)
            yield event("messageStop", {"stopReason": one.stop})
        yield event("metadata", {"usage": self.usage, "metrics": {"latencyMs": 3}})


def said(words: str, stop: str = "end_turn", **details: Any) -> Loop:
    """A loop of one round that says something."""
    return Loop((Round(({"text": words},), stop),), **details)


def as_json(params: dict[str, Any]) -> Any:
    """The payload of a call of an agent."""
    return json.loads(params["payload"])
