"""Workflow ids: builders and their inverse, in the form people read in the UI."""

from datetime import UTC, datetime

from rota.model import digest_of

KEEPER_PREFIX = "agent:"
TOPIC_PREFIX = "topic:"
LOCK_PREFIX = "lock:"
BREAKER_PREFIX = "breaker:"
NOTIFIER_PREFIX = "notify:"
WATCHDOG_PREFIX = "watchdog:"
BUDGET_PREFIX = "budget:"
READABLE = 200
"""Characters of an event id that may stand in a workflow id as they are."""
LONGEST = 1000
"""Bytes of a workflow id; the server refuses a longer one for as long as it is tried."""
TASK_QUEUE = "rota"
"""Runs live here; the only name a caller outside needs."""


def keeper_queue(task_queue: str) -> str:
    """The queue of the keepers that belong to `task_queue`.

    Apart from the runs' own: a run's admission holds a workflow-task slot while its
    keeper answers, so keepers must never wait for a slot of the runs.
    """
    return f"{task_queue}-keepers"


def watch_queue(task_queue: str) -> str:
    """The queue on which the sessions of `task_queue`'s runs are watched.

    Apart from the runs' own: a watch takes hours and next to no work, and a hundred of them
    must not hold the slots that turns and tools, and stopping a session, wait for.
    """
    return f"{task_queue}-watches"


def run_queue(keepers: str) -> str:
    """The queue of the runs whose keepers are served from `keepers`."""
    return keepers.removesuffix(keeper_queue(""))


def budget_id(team: str) -> str:
    """Workflow id of a team's account: `budget:finance`."""
    return f"{BUDGET_PREFIX}{team}"


def keeper_id(agent: str) -> str:
    """Workflow id of an agent's, or a pipeline's, keeper: `agent:report`."""
    return f"{KEEPER_PREFIX}{agent}"


def topic_id(event: str) -> str:
    """Workflow id of an event's topic: `topic:reconciliation.completed`."""
    return f"{TOPIC_PREFIX}{event}"


def lock_id(lock: str) -> str:
    """Workflow id of a lock: `lock:general-ledger`."""
    return f"{LOCK_PREFIX}{lock}"


def notifier_id(channel: str) -> str:
    """Workflow id of a channel's notifier, by the channel's digest: `notify:4f2a…`."""
    return f"{NOTIFIER_PREFIX}{channel}"


def watchdog_id(fleet: str) -> str:
    """Id of a fleet's Watchdog, its schedule's and so the beginning of its checks'."""
    return f"{WATCHDOG_PREFIX}{fleet}"


def breaker_id(kind: str, account: str) -> str:
    """Workflow id of a runtime's breaker: `breaker:anthropic:env:ANTHROPIC_API_KEY`."""
    return _fitting(f"{BREAKER_PREFIX}{kind}:{account}")


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


def event_run_id(subscriber: str, event_id: str) -> str:
    """Id of the one run of an event: `settlement-event-<event id>`, or its digest if long."""
    shown = event_id if len(event_id) <= READABLE else digest_of(event_id.encode())[:32]
    return f"{subscriber}-event-{shown}"


def hook_run_id(name: str, delivery: str) -> str:
    """Id of the one run of a webhook's delivery: `triage-hook-msg_2b`."""
    return f"{name}-hook-{delivery}"


def key_run_id(agent: str, key: str) -> str:
    """Id of the run of a key (`dedupe`): `code-review-key-<digest>`."""
    return f"{agent}-key-{digest_of(key.encode())[:20]}"


def backfill_run_id(agent: str, slot: datetime, number: int = 1) -> str:
    """`report-backfill-2026-11-22T06:00:00Z`; a number from the second on."""
    return f"{agent}-backfill-{format_slot(slot)}" + (f"-{number}" if number > 1 else "")


def rerun_run_id(agent: str, slot: datetime, number: int) -> str:
    """`report-rerun-2026-11-22T06:00:00Z-1`: the n-th re-run that waiters of a slot asked for."""
    return f"{agent}-rerun-{format_slot(slot)}-{number}"


def node_run_id(pipeline_run: str, node: str, attempt: int, item: int | None = None) -> str:
    """`morning-report-2026-11-22T05:00:00Z/email`; `/review/3` for an item, `#2` for a repeat."""
    place = f"{pipeline_run}/{node}" + (f"/{item}" if item is not None else "")
    return _fitting(place + (f"#{attempt}" if attempt > 1 else ""))


def handoff_run_id(run: str, agent: str, turn: int, index: int) -> str:
    """`reconciliation-2026-11-22T06:05:00Z/settlement-2.0`: called in turn 2, call 0."""
    return _fitting(f"{run}/{agent}-{turn}.{index}")


def grading_run_id(run: str, check: str) -> str:
    """`report-2026-11-22T06:00:00Z/check-careful`: makes the check `careful` of that run."""
    return _fitting(f"{run}/check-{check}")


def _fitting(id: str) -> str:
    """`id`, or of one that is too long its beginning and a digest of it all."""
    data = id.encode(errors="replace")
    if len(data) <= LONGEST:
        return id
    return f"{data[: LONGEST - 40].decode(errors='ignore')}~{digest_of(data)[:32]}"
