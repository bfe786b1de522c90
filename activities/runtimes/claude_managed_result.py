"""The last answer of a Managed Agents session, read from its events, newest first. No requests."""

from collections.abc import AsyncIterator

from activities.providers.json_fields import field
from activities.runtimes.claude_managed_events import Json, stop_reason
from activities.runtimes.claude_managed_wire import VENDOR, texts_of
from rota.conversation import StopReason
from rota.failures import FailureCategory, StepError

_USES = ("agent.tool_", "agent.mcp_tool_", "agent.custom_tool_")
"""What was said before a use of a tool is not the answer."""
_ASIDE = ("session.", "span.", "agent.thinking")
"""What may stand between two parts of one."""
_STOPS = {"end_turn": StopReason.END_TURN, "refusal": StopReason.REFUSED}


async def last_answer(newest_first: AsyncIterator[Json]) -> tuple[str, StopReason]:
    """Return what the agent said last, after its last use of a tool, and why it stopped.

    Raises:
        StepError: `outcome_invalid`: it ended without a word, or has not ended.
    """
    texts: list[str] = []
    stop: str | None = None
    async for event in newest_first:
        kind = field(event, "type", str, VENDOR)
        if kind == "session.status_idle":
            if stop is not None:
                break
            stop = stop_reason(event)
        elif kind == "agent.message":
            texts = texts_of(event) + texts
        elif kind.startswith(_USES) or (texts and not kind.startswith(_ASIDE)):
            break
    if stop not in _STOPS:
        raise _unusable(f"its last stop is {stop!r}, not the end of a turn")
    text = "\n".join(text for text in texts if text.strip())
    if not text and stop == "end_turn":
        raise _unusable("it ended without a word; say in the instructions what it must answer")
    return text, _STOPS[stop]


def _unusable(why: str) -> StepError:
    return StepError(
        FailureCategory.OUTCOME_INVALID,
        f"the session of {VENDOR} has no answer: {why}",
        maybe_billed=True,
    )
