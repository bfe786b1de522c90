"""The rule people break most: every tool call is answered at once, and only once.

Source: platform.claude.com, Tool use, and the messages of the 400 answers people report.
"""

from collections.abc import Iterator
from typing import Any

Message = dict[str, Any]


def pairing_problems(messages: list[Message]) -> Iterator[str]:
    """Yield what the API says of calls and results that do not meet."""
    seen: set[str] = set()
    turns = _turns(messages)
    for index, (role, blocks) in enumerate(turns):
        after = turns[index + 1][1] if index + 1 < len(turns) else []
        before = turns[index - 1][1] if index else []
        if role == "assistant":
            calls = _ids(blocks, "tool_use", "id")
            if len(set(calls)) < len(calls) or seen & set(calls):
                yield "messages: `tool_use` ids must be unique"
            seen |= set(calls)
            yield from _unanswered(calls, _leading_results(after), index)
        else:
            yield from _orphans(_ids(before, "tool_use", "id"), blocks, index)


def _unanswered(calls: list[str], answered: list[str], index: int) -> Iterator[str]:
    missing = [call for call in calls if call not in answered]
    if missing:
        yield (
            f"messages.{index}: `tool_use` ids were found without `tool_result` blocks "
            f"immediately after: {', '.join(missing)}. Each `tool_use` block must have a "
            "corresponding `tool_result` block in the next message."
        )


def _orphans(calls: list[str], blocks: list[Message], index: int) -> Iterator[str]:
    results = _ids(blocks, "tool_result", "tool_use_id")
    for result in results:
        if result not in calls:
            yield (
                f"messages.{index}: unexpected `tool_use_id` found in `tool_result` blocks: "
                f"{result}. Each `tool_result` block must have a corresponding `tool_use` block "
                "in the previous message."
            )
        if results.count(result) > 1:
            yield (
                f"messages.{index}: each tool_use must have a single result. "
                f"Found multiple `tool_result` blocks with id: {result}"
            )


def _turns(messages: list[Message]) -> list[tuple[str, list[Message]]]:
    """Join neighbours of one role, as the API does."""
    turns: list[tuple[str, list[Message]]] = []
    for message in messages:
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if turns and turns[-1][0] == message["role"]:
            turns[-1][1].extend(blocks)
        else:
            turns.append((message["role"], list(blocks)))
    return turns


def _leading_results(blocks: list[Message]) -> list[str]:
    """Collect the results that come before anything else: later ones do not count."""
    leading: list[str] = []
    for block in blocks:
        if block["type"] != "tool_result":
            break
        leading.append(block["tool_use_id"])
    return leading


def _ids(blocks: list[Message], kind: str, key: str) -> list[str]:
    return [block[key] for block in blocks if block["type"] == kind]
