"""What a provider's webhook says of sessions: of which one, and whether there is news. Pure.

Source: anthropic SDK 2.12, `types/beta/beta_webhook_event.py`: `{"type": "event", "id",
"created_at", "data": {"type", "id", …}}`, where `data.id` is the session's also in events about its
threads. Nothing else of it is looked at: whoever waits for the session asks for its state.
"""

import re
from collections.abc import Mapping
from typing import Any, cast

STOPS = frozenset(
    f"session.{what}"
    for what in (
        *("status_idled", "idled", "requires_action", "budget_reached", "status_terminated"),
        *("archived", "deleted", "thread_idled", "thread_terminated"),
    )
)
"""Types after which a session may need something, or have ended. Others tell that it works."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")


def session_called_about(document: Any) -> str | None:
    """Return the id of the session that may have stopped; None if nothing of the kind is said."""
    if not isinstance(document, Mapping):
        return None
    data: Any = cast("Mapping[str, Any]", document).get("data")
    if not isinstance(data, Mapping):
        return None
    told = cast("Mapping[str, Any]", data)
    kind, id = told.get("type"), told.get("id")
    if not isinstance(kind, str) or kind not in STOPS or not isinstance(id, str):
        return None
    return id if _ID.fullmatch(id) else None
