"""From a server's result to the text that a model reads."""

import json
from collections.abc import Sequence
from typing import Any

import mcp_types as types

from activities.secrets import Secrets

RESULT_LIMIT = 100_000
"""Characters of a result that a model is shown: some 25,000 tokens. The rest is cut, and said
to be."""


def result_text(result: types.CallToolResult) -> str:
    """What the tool answered: its structured content as JSON if it has any, else its texts.

    What is no text is named in its place, so that nothing is missing without a word.
    """
    parts = _parts(result.content)
    if result.structured_content is not None and not result.is_error:
        structured = json.dumps(result.structured_content, ensure_ascii=False)
        # The texts beside it say the same again, for clients that read no structure.
        parts = [structured, *(_described(result.content))]
    return capped("\n".join(parts) or ("the tool failed" if result.is_error else "(no content)"))


def capped(text: str) -> str:
    """Cut a text that is too long, and say so."""
    if len(text) <= RESULT_LIMIT:
        return text
    text = Secrets().redact(text)
    note = f"\n[cut: the first {RESULT_LIMIT} of {len(text)} characters are shown]"
    return text[:RESULT_LIMIT] + note


def _parts(content: Sequence[types.ContentBlock]) -> list[str]:
    return [text for block in content if (text := _text(block) or _description(block))]


def _described(content: Sequence[types.ContentBlock]) -> list[str]:
    return [text for block in content if (text := _description(block))]


def _text(block: types.ContentBlock) -> str:
    if isinstance(block, types.TextContent):
        return block.text
    if isinstance(block, types.EmbeddedResource):
        resource = block.resource
        if isinstance(resource, types.TextResourceContents):
            return f"[resource {resource.uri}]\n{resource.text}"
    return ""


def _description(block: types.ContentBlock) -> str:
    """Name what a model cannot be shown; empty for texts."""
    match block:
        case types.ImageContent() | types.AudioContent():
            return f"[{block.type} {block.mime_type}, {_size(block.data)} bytes: not shown]"
        case types.ResourceLink():
            about = f": {block.description}" if block.description else ""
            return f"[link to {block.name} at {block.uri}{about}]"
        case types.EmbeddedResource(resource=types.BlobResourceContents() as blob):
            return f"[resource {blob.uri}, {_size(blob.blob)} bytes: not shown]"
        case _:
            return ""


def _size(base64: Any) -> int:
    return len(str(base64)) * 3 // 4
