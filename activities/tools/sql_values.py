"""What databases hold, as JSON: exact where JSON has a form, text where it has none."""

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, cast

MAX_TEXT = 20_000
"""Characters kept of one value."""


def as_json(value: Any) -> Any:
    """Return `value` as JSON. Decimals are text, so that no cent is lost; bytes hexadecimal."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        raw = bytes(cast("bytes", value))
        return _cut(raw[: MAX_TEXT // 2].hex(), len(raw) * 2)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(k): as_json(v) for k, v in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [as_json(item) for item in cast("Sequence[Any]", value)]
    text = str(value)
    return _cut(text[:MAX_TEXT], len(text))


def _cut(text: str, length: int) -> str:
    return text if len(text) >= length else f"{text}… ({length:,} characters)"
