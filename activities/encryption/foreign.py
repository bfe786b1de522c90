"""Memos in lists of a namespace, where fleets with other keys, or without, may be at home, too."""

from typing import Any

from temporalio.client import ScheduleListDescription, WorkflowExecution

from activities.encryption.marks import RefusedPayloadError
from activities.stores.base import KeyNeededError


async def own_memo(entry: WorkflowExecution | ScheduleListDescription, key: str) -> dict[str, Any]:
    """Return what a memo says under `key`; nothing if it has no such key, or is another fleet's.

    Another's is what this process cannot read: encrypted with other keys, or not at all. Who asks
    for one by name is told which key it would take.
    """
    try:
        return await entry.memo_value(key, None, type_hint=dict[str, Any]) or {}
    except (KeyNeededError, RefusedPayloadError):
        return {}
