"""An agent that cannot work is told of once, not once for every slot.

Pure. Its runs are blocked one after the other, each for the same reason; people have been told
by the first. They are told of each reason once: again only after it was declared anew, or after a
run that showed what had kept it from working to be mended. It ended otherwise, however, or came
further than any that was blocked for that.
"""

import re

from rota.keepers.state import BlockedAlert, KeeperState, LedgerEntry
from rota.runs import RunStatus

MOST_REASONS = 10
"""Reasons remembered, the newest: whoever has more at the same time is told again."""

_SHOW_NOTHING = (RunStatus.BLOCKED, RunStatus.SKIPPED, RunStatus.CANCELLED)
"""Ends of runs that may not have come as far as to what is missing."""

_VARYING = re.compile(r"[\w-]*\d[\w-]{9,}|[\w-]{9,}\d[\w-]*")
"""Words that differ from call to call: ids of requests, times."""


def noted(state: KeeperState, closed: LedgerEntry) -> KeeperState:
    """Remember why the agent is blocked, or that it is not any more."""
    is_blocked, cause = closed.status is RunStatus.BLOCKED, _cause(closed)
    known = next((each for each in state.blocked if is_blocked and each.reason == cause), None)
    left = [each for each in state.blocked if each is known or not _shows_mended(closed, each)]
    if known is None and is_blocked:
        left.append(BlockedAlert(reason=cause, run=closed.key, turns=closed.turns))
    elif known is not None and closed.turns > known.turns:
        left[left.index(known)] = known.model_copy(update={"turns": closed.turns})
    alerts = tuple(left[-MOST_REASONS:])
    return state.model_copy(update={"blocked": alerts}) if alerts != state.blocked else state


def repeats(state: KeeperState, closed: LedgerEntry) -> bool:
    """True of a blocked run before which another was blocked for the same reason."""
    if closed.status is not RunStatus.BLOCKED:
        return False
    cause = _cause(closed)
    return any(each.reason == cause and each.run != closed.key for each in state.blocked)


def _shows_mended(closed: LedgerEntry, alert: BlockedAlert) -> bool:
    return closed.status not in _SHOW_NOTHING or closed.turns > alert.turns


def _cause(closed: LedgerEntry) -> str:
    category = closed.category.value if closed.category else ""
    return f"{category}: {_VARYING.sub('…', closed.reason)}"
