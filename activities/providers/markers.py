"""How a tool finds again what it made, where an API takes no idempotency key.

The marker is derived from the call's key, so every attempt, and the same call in a re-run
of the slot, writes and looks for the same one. It tells nothing to whoever reads it.
"""

import re

from rota.model import digest_of

_HIDDEN = re.compile(r"<!--\s*rota:[^>]*-->")


def marker_of(key: str) -> str:
    """Return the marker of an idempotency key: 32 hexadecimal digits."""
    return digest_of(f"rota marker {key}".encode())[:32]


def hidden(marker: str) -> str:
    """Return the marker as a comment that Markdown does not show."""
    return f"<!-- rota:{marker} -->"


def with_marker(text: str, marker: str) -> str:
    """Return `text` with its marker at the end, and without any other one.

    A model may have copied another's from what it read: it would be taken for that.
    """
    return f"{_HIDDEN.sub('', text).rstrip()}\n\n{hidden(marker)}"
