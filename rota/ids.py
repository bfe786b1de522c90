"""Workflow ids: builders and their inverse, in the form people read in the UI."""

from datetime import UTC, datetime

KEEPER_PREFIX = "agent:"
TASK_QUEUE = "rota"
"""Runs live here; the only name a caller outside needs."""


def keeper_queue(task_queue: str) -> str:
    """The queue of the keepers that belong to `task_queue`.

    Apart from the runs' own: a run's admission holds a workflow-task slot while its
    keeper answers, so keepers must never wait for a slot of the runs.
    """
    return f"{task_queue}-keepers"


def keeper_id(agent: str) -> str:
    """Workflow id of an agent's keeper: `agent:report`."""
    return f"{KEEPER_PREFIX}{agent}"


def format_slot(slot: datetime) -> str:
    """`2026-11-22T06:00:00Z`, the form Temporal appends to scheduled workflow ids."""
    return slot.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_slot(text: str) -> datetime:
    """Read what `format_slot` wrote, or any ISO time with an offset.

    Raises:
        ValueError: not such a time; the message shows the form expected.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ValueError(f"'{text}' is not a slot; write for example 2026-11-22T06:00:00Z")
    return at.astimezone(UTC)


def scheduled_run_id(agent: str, slot: datetime) -> str:
    """What Temporal itself calls a scheduled run: `report-2026-11-22T06:00:00Z`."""
    return f"{agent}-{format_slot(slot)}"


def manual_run_id(agent: str, at: datetime, token: str) -> str:
    """Id such as `report-manual-20261122T061503-4f2a`; `token` tells two in a second apart."""
    return f"{agent}-manual-{at.astimezone(UTC).strftime('%Y%m%dT%H%M%S')}-{token}"
