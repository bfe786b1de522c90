"""Prompt caching as the Claude API counts it: what a marked prefix wrote, the next one reads.

A breakpoint marks the end of a prefix (tools, then system, then messages). Everything up to
the longest marked prefix that was sent before, or to one of the 20 blocks before a mark, is
read; from there to the last mark it is written; the rest is plain input.

Source: platform.claude.com, Prompt caching, version 2026-10-21.
"""

import hashlib
import json
from typing import Any

LOOK_BACK = 20
"""Blocks before a mark at which the API looks for what it knows."""

Block = dict[str, Any]


class PromptCache:
    """What was written, for as long as the fake lives."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def count(self, body: dict[str, Any]) -> dict[str, int]:
        """Return the input counts of one request, and remember what it writes."""
        digest = hashlib.sha256()
        prefixes: list[tuple[str, int, bool]] = []
        tokens = 0
        for block in _blocks(body):
            marked = "cache_control" in block
            text = json.dumps({k: v for k, v in block.items() if k != "cache_control"})
            digest.update(text.encode())
            tokens += max(1, len(text) // 4)
            prefixes.append((digest.hexdigest(), tokens, marked))
        marks = [index for index, prefix in enumerate(prefixes) if prefix[2]]
        seen = {index for mark in marks for index in range(max(0, mark - LOOK_BACK), mark + 1)}
        read = max((prefixes[i][1] for i in seen if prefixes[i][0] in self._known), default=0)
        last = prefixes[marks[-1]][1] if marks else 0
        self._known |= {prefixes[mark][0] for mark in marks}
        return {
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": max(0, last - read),
            "input_tokens": tokens - max(read, last),
        }


def _blocks(body: dict[str, Any]) -> list[Block]:
    system = body.get("system") or []
    blocks = [*body.get("tools", ()), *([{"text": system}] if isinstance(system, str) else system)]
    for message in body["messages"]:
        content = message["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        blocks += [{"role": message["role"], **part} for part in parts]
    return blocks
