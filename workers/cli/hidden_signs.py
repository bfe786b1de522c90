"""Signs that a terminal obeys or does not show, written out.

What a model or a stranger wrote is printed for people who decide by it: nothing of it may turn
the writing direction round, stand there unseen, or move the cursor.
"""

import json
import re

_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Unicode calls these printable, and nothing of them is seen."""


def written_out(text: str) -> str:
    r"""Return `text` with such signs as JSON writes them (`\u202e`); line breaks stay."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(_shown(sign) for sign in text)


def _shown(sign: str) -> str:
    if sign == "\n" or (sign.isprintable() and not _UNSEEN.match(sign)):
        return sign
    return json.dumps(sign)[1:-1]
