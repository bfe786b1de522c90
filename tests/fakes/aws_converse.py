"""Converse's rules beyond its service model, and its answers, streamed or whole."""

import base64
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.fakes.aws_answers import Delivery, Pieces, Response, json_answer
from tests.fakes.aws_frames import event, exception
from tests.fakes.aws_server import AwsFake
from tests.fakes.aws_shapes import Call

BOTH = "Converse|ConverseStream"

Block = dict[str, Any]


class ConverseFake(AwsFake):
    """A fake of `bedrock-runtime`.

    async with ConverseFake() as fake:
        fake.call_tool("ledger__match", {"account": "A"})
        fake.say("All matched.")
    """

    def __init__(self, *, expect_invalid: bool = False, context_chars: int | None = None) -> None:
        self._issued: set[str] = set()
        self._context_chars = context_chars
        self._calls = 0
        super().__init__("bedrock-runtime", self._problem, expect_invalid=expect_invalid)

    def respond(self, *responses: Response) -> None:
        """Append to the script, whichever way the answers are asked for."""
        self.add(BOTH, *responses)

    def say(self, words: str, **details: Any) -> None:
        """Script an answer of one text; further arguments as `Converse` takes them."""
        self.respond(self.issue(Converse(({"text": words},), **details)))

    def call_tool(self, name: str, args: dict[str, Any], **details: Any) -> None:
        """Script one tool call, named as on the wire."""
        self.respond(self.issue(Converse((self.tool_use(name, args),), "tool_use", **details)))

    def tool_use(self, name: str, args: dict[str, Any]) -> Block:
        """Build a tool call with an id no other one has."""
        self._calls += 1
        return {
            "toolUse": {"toolUseId": f"tooluse_{self._calls:022d}", "name": name, "input": args}
        }

    def issue(self, answer: "Converse") -> "Converse":
        """Remember reasoning that may come back: any other is refused."""
        self._issued.update(_canonical(b) for b in answer.blocks if "reasoningContent" in b)
        return answer

    def _problem(self, call: Call) -> str | None:
        messages = call.params["messages"]
        if self._context_chars is not None and len(json.dumps(messages)) > self._context_chars:
            return "Input is too long for requested model."
        return first_problem(call.params, self._issued)


@dataclass(frozen=True)
class Converse:
    """What the model answers: called by the fake with the request."""

    blocks: tuple[Block, ...]
    stop: str = "end_turn"
    usage: dict[str, int] = field(
        default_factory=lambda: {"inputTokens": 100, "outputTokens": 20, "totalTokens": 120}
    )
    trace: dict[str, Any] | None = None
    after: float = 0.0
    between: float = 0.0
    cut: int | None = None
    how: Literal["eof", "drop", "reset", "silence"] = "eof"
    error: tuple[str, str] | None = None
    """Code and message of a failure in the stream, in the place of `cut`."""
    piece: int = 12
    """Characters of one delta."""

    def __call__(self, call: Call) -> Delivery:
        """Deliver it as it was asked for."""
        if call.operation == "Converse":
            return json_answer(self._document(), after=self.after)
        frames = tuple(self.frames())
        cut = self.cut
        if self.error is not None:
            assert cut is not None
            frames, cut = (*frames[:cut], exception(*self.error)), None
        return Pieces(frames, after=self.after, between=self.between, cut=cut, how=self.how)

    def frames(self) -> Iterable[bytes]:
        """The events, in order."""
        yield event("messageStart", {"role": "assistant"})
        for index, block in enumerate(self.blocks):
            yield from block_frames(index, block, self.piece)
        yield event("messageStop", {"stopReason": self.stop})
        told: dict[str, Any] = {"usage": self.usage, "metrics": {"latencyMs": 3}}
        yield event("metadata", told | ({"trace": self.trace} if self.trace else {}))

    def _document(self) -> dict[str, Any]:
        return {
            "output": {"message": {"role": "assistant", "content": list(self.blocks)}},
            "stopReason": self.stop,
            "usage": self.usage,
            "metrics": {"latencyMs": 3},
        } | ({"trace": self.trace} if self.trace else {})


def reasoning(text: str, signature: str = "c2lnbmVk") -> Block:
    """A reasoning block with a signature."""
    return {"reasoningContent": {"reasoningText": {"text": text, "signature": signature}}}


def redacted(data: bytes) -> Block:
    """A reasoning block that nobody may read, as JSON has it."""
    return {"reasoningContent": {"redactedContent": base64.b64encode(data).decode()}}


def block_frames(index: int, block: Block, size: int) -> Iterable[bytes]:
    """One block of a message, in events of `size` characters."""

    def delta(told: dict[str, Any]) -> bytes:
        return event("contentBlockDelta", {"contentBlockIndex": index, "delta": told})

    if "toolUse" in block:
        call = block["toolUse"]
        start = {key: call[key] for key in ("toolUseId", "name")}
        yield event("contentBlockStart", {"contentBlockIndex": index, "start": {"toolUse": start}})
        for text in _split(json.dumps(call["input"], ensure_ascii=False), size):
            yield delta({"toolUse": {"input": text}})
    elif "text" in block:
        for text in _split(block["text"], size):
            yield delta({"text": text})
    else:
        yield from (delta({"reasoningContent": part}) for part in _reasoning_parts(block, size))
    yield event("contentBlockStop", {"contentBlockIndex": index})


def _reasoning_parts(block: Block, size: int) -> Iterable[dict[str, Any]]:
    content = block["reasoningContent"]
    if "redactedContent" in content:
        yield {"redactedContent": content["redactedContent"]}
        return
    for text in _split(content["reasoningText"]["text"], size):
        yield {"text": text}
    yield {"signature": content["reasoningText"]["signature"]}


def _split(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


# -- what the service refuses -----------------------------------------------------------------


def first_problem(params: dict[str, Any], issued: set[str]) -> str | None:
    """What Converse refuses of a request whose shape is right."""
    rules: tuple[Callable[[], str | None], ...] = (
        lambda: _roles(params["messages"]),
        lambda: pair_problem(params["messages"]),
        lambda: _blocks(params["messages"], issued),
        lambda: _tools(params),
        lambda: _cache(params),
        lambda: _guardrail(params),
    )
    return next((problem for rule in rules if (problem := rule())), None)


def _roles(messages: list[Block]) -> str | None:
    expected = "user"
    for message in messages:
        if message["role"] != expected:
            return "A conversation must alternate between user and assistant roles."
        expected = "assistant" if expected == "user" else "user"
    if not messages or messages[-1]["role"] != "user":
        return "A conversation must start and end with a user message."
    return None


def pair_problem(messages: list[Block]) -> str | None:
    """What is wrong with how calls are answered."""
    asked: list[str] = []
    seen: set[str] = set()
    for message in messages:
        answered = [b["toolResult"]["toolUseId"] for b in message["content"] if "toolResult" in b]
        if sorted(answered) != sorted(asked):
            return f"Expected toolResult blocks for the following Ids: {asked}, found {answered}."
        leading = ["toolResult" in b for b in message["content"]][: len(answered)]
        if not all(leading):
            return "toolResult blocks must come first."
        asked = [b["toolUse"]["toolUseId"] for b in message["content"] if "toolUse" in b]
        if len(set(asked)) != len(asked) or seen & set(asked):
            return "The messages contain duplicate Ids at toolUse."
        seen.update(asked)
    return None


def _blocks(messages: list[Block], issued: set[str]) -> str | None:
    for message in messages:
        if not message["content"]:
            return "The content field is empty."
        for block in message["content"]:
            results = block.get("toolResult", {}).get("content", [])
            texts = [part["text"] for part in (block, *results) if "text" in part]
            if any(not text.strip() for text in texts):
                return "The text field in the ContentBlock object is blank."
            if "reasoningContent" in block and _canonical(block) not in issued:
                return "Invalid signature in reasoningContent."
    return None


def _tools(params: dict[str, Any]) -> str | None:
    used = any(
        "toolUse" in block or "toolResult" in block
        for message in params["messages"]
        for block in message["content"]
    )
    tools = params.get("toolConfig", {}).get("tools", [])
    names = [tool["toolSpec"]["name"] for tool in tools if "toolSpec" in tool]
    if used and not names:
        return "The toolConfig field must be defined when using toolUse and toolResult blocks."
    if len(set(names)) != len(names):
        return "The tool names are not unique."
    return None


def _cache(params: dict[str, Any]) -> str | None:
    lists = [params.get("system", []), params.get("toolConfig", {}).get("tools", [])]
    lists += [message["content"] for message in params["messages"]]
    marked = [blocks for blocks in lists if any("cachePoint" in block for block in blocks)]
    if any("cachePoint" in blocks[0] for blocks in marked):
        return "A cachePoint must follow what it caches."
    if sum("cachePoint" in block for blocks in marked for block in blocks) > 4:
        return "A maximum of 4 cachePoint blocks may be used."
    return None


def _guardrail(params: dict[str, Any]) -> str | None:
    config = params.get("guardrailConfig")
    if config and not {"guardrailIdentifier", "guardrailVersion"} <= set(config):
        return "guardrailIdentifier and guardrailVersion must be given together."
    return None


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
