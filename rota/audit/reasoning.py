"""What a provider gives of a model's reasoning, out of blocks that are its own.

Pure. Each provider wraps it otherwise, and some give none, a summary, or ciphertext: what is there
is shown, and what is not is said.
"""

from collections.abc import Iterator
from typing import Any, cast

from rota.conversation import Message, Opaque

_TEXTS = frozenset({"thinking", "reasoning", "reasoning_content", "text", "summary", "rationale"})
"""Keys under which providers put words."""
_SEALED = frozenset({"redacted_thinking", "redactedContent", "encrypted", "encrypted_content"})
"""Signs that there are some that nobody may read."""
ENCRYPTED = "(the provider gives it encrypted)"


def reasoning_of(message: Message) -> tuple[str, ...]:
    """Return the reasoning in a reply, block by block; empty if the provider gives none."""
    blocks = [block for block in message.content if isinstance(block, Opaque)]
    return tuple(text for text in map(_text, blocks) if text)


def _text(block: Opaque) -> str:
    words = [text for text in _words(block.data, named=False) if text.strip()]
    if words:
        return "\n".join(words)
    return ENCRYPTED if _is_sealed(block.data) else ""


def _words(value: Any, *, named: bool) -> Iterator[str]:
    match value:
        case str():
            if named:
                yield value
        case dict():
            for key, item in cast("dict[str, Any]", value).items():
                inside = isinstance(item, dict | list)
                yield from _words(item, named=key in _TEXTS or (named and inside))
        case list():
            for item in cast("list[Any]", value):
                yield from _words(item, named=named)
        case _:
            return


def _is_sealed(data: dict[str, Any]) -> bool:
    inner = cast("list[object]", list(data.values()))
    return (
        str(data.get("type", "")) in _SEALED
        or bool(_SEALED & data.keys())
        or any(_is_sealed(cast("dict[str, Any]", each)) for each in inner if isinstance(each, dict))
    )
