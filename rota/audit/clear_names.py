"""Names that a chain tells in clear: those that Rota or a declaration chose.

Pure. A chain outlives the erasure of its content. What a model called a tool, or an outsider a
message, is a text of theirs like any other: it stands in the content alone.
"""

from collections.abc import Mapping
from typing import Any, cast

from rota.approvals.spec import matches
from rota.audit.histories import name_in

SIGNALS = frozenset(
    {"lease_granted", "key_settled", "upstream_settled", "lock_granted", "budget_raised"}
)
"""What runs are signalled. A server takes a signal of any other name from whoever may write there;
updates of other names never come into a history."""


def tool_in_clear(tool: str, spec: Mapping[str, Any] | None) -> str:
    """Return by which name a chain tells of a call: as it is declared; empty if it is not.

    Args:
        tool: As it was called.
        spec: The run's declaration, with names, or beginnings of names and `*`.
    """
    known = spec or {}
    declared = [*(known.get("tools") or ()), *(known.get("approvals") or ())]
    under = [each for each in cast("list[str]", declared) if matches(each, tool)]
    return max(under, key=lambda each: (not each.endswith("*"), len(each)), default="")


def event_in_clear(attributes: Mapping[str, Any]) -> str:
    """Return by which name a chain tells of an event of a history; empty if by none."""
    signal = attributes.get("signalName")
    return name_in(dict(attributes)) if signal is None or signal in SIGNALS else ""
