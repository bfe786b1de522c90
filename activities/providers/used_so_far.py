"""What a session has used, carried in its cursor from one call to the next. Pure.

For providers that tell what each call used, while Rota wants to know what the session has
used since it exists.
"""

import json
from collections.abc import Iterable
from typing import Any

from activities.providers.json_fields import field, optional_field
from rota.usage import Usage


def from_cursor(cursor: str) -> Usage:
    """Return what `to_cursor` wrote; nothing for the empty cursor of a new session."""
    if not cursor:
        return Usage(cost_micros=None)
    return Usage.model_validate_json(cursor)


def to_cursor(used: Usage) -> str:
    """Write what was used, in far less than a cursor may have."""
    return json.dumps(used.model_dump(mode="json", exclude_defaults=True))


def counted(usages: Iterable[dict[str, Any]], vendor: str) -> Usage:
    """Sum token counts in the words of AWS, whose `inputTokens` leave cached ones out.

    Raises:
        StepError: `outcome_invalid`: a count is missing, or none.
    """
    total = Usage(cost_micros=None)
    for usage in usages:
        total = total.plus(
            Usage(
                input_tokens=field(usage, "inputTokens", int, vendor),
                output_tokens=field(usage, "outputTokens", int, vendor),
                cache_read_tokens=optional_field(usage, "cacheReadInputTokens", int, vendor) or 0,
                cache_write_tokens=optional_field(usage, "cacheWriteInputTokens", int, vendor) or 0,
            )
        )
    return total
