"""An agent that cannot work is told of once, not once for every slot.

Pure. Its runs are blocked one after the other, each for the same reason; people have been told
by the first. They are told again when the reason is another one, or when it is blocked again
after it has worked or was declared anew.
"""

import re

from rota.keeper_state import BlockedAlert, KeeperState, LedgerEntry
from rota.runs import RunStatus

_VARYING = re.compile(r"[\w-]*\d[\w-]{9,}|[\w-]{9,}\d[\w-]*")
"""Words that differ from call to call: ids of requests, times."""


def noted(state: KeeperState, closed: LedgerEntry) -> KeeperState:
    """Remember why the agent is blocked, or that it is not any more."""
    if closed.status is RunStatus.SUCCEEDED and state.blocked is not None:
        return state.model_copy(update={"blocked": None})
    if closed.status is not RunStatus.BLOCKED or _is_same(state.blocked, closed):
        return state
    alert = BlockedAlert(reason=_cause(closed), run=closed.key)
    return state.model_copy(update={"blocked": alert})


def repeats(state: KeeperState, closed: LedgerEntry) -> bool:
    """True of a blocked run before which another was blocked for the same reason."""
    if closed.status is not RunStatus.BLOCKED or state.blocked is None:
        return False
    return _is_same(state.blocked, closed) and state.blocked.run != closed.key


def _is_same(alert: BlockedAlert | None, closed: LedgerEntry) -> bool:
    return alert is not None and alert.reason == _cause(closed)


def _cause(closed: LedgerEntry) -> str:
    category = closed.category.value if closed.category else ""
    return f"{category}: {_VARYING.sub('…', closed.reason)}"
