"""Metrics of Temporal that boards and alerts use: those of the SDK's workers, and of the server.

They are somebody else's: of SDK 1.35 and server 1.32 as served by `rota worker --metrics` and by
the server's own endpoint. Names and units differ between versions and with Temporal Cloud, so
what is used is listed, and a test looks for each where it is served. Pure.
"""

from dataclasses import dataclass

from deploy.grafana.boards.declared import Unit
from rota.metrics.kinds import Kind


@dataclass(frozen=True)
class TemporalMetric:
    """One of them."""

    kind: Kind
    is_servers: bool = False
    unit: Unit = Unit.COUNT
    """Of a histogram: the server's are in seconds, the SDK's in milliseconds."""
    is_rare: str = ""
    """Why it may well not be there: it appears with its first event."""


_COUNTER = TemporalMetric(Kind.COUNTER)
_GAUGE = TemporalMetric(Kind.GAUGE)
_MILLIS = TemporalMetric(Kind.HISTOGRAM, unit=Unit.MILLISECONDS)
_SERVER = TemporalMetric(Kind.COUNTER, is_servers=True)
_SECONDS = TemporalMetric(Kind.HISTOGRAM, is_servers=True, unit=Unit.SECONDS)


def _rare(why: str) -> TemporalMetric:
    return TemporalMetric(Kind.COUNTER, is_servers=True, is_rare=why)


TEMPORAL: dict[str, TemporalMetric] = {
    "temporal_num_pollers": _GAUGE,
    "temporal_worker_task_slots_available": _GAUGE,
    "temporal_worker_task_slots_used": _GAUGE,
    "temporal_sticky_cache_size": _GAUGE,
    "temporal_sticky_cache_hit": _COUNTER,
    "temporal_sticky_cache_total_forced_eviction": _COUNTER,
    "temporal_workflow_task_schedule_to_start_latency": _MILLIS,
    "temporal_activity_schedule_to_start_latency": _MILLIS,
    "temporal_workflow_task_execution_latency": _MILLIS,
    "temporal_workflow_task_replay_latency": _MILLIS,
    "temporal_workflow_task_execution_failed": _COUNTER,
    "temporal_activity_execution_failed": _COUNTER,
    "temporal_request_failure": _COUNTER,
    "service_requests": _SERVER,
    "service_error_with_type": _SERVER,
    "service_latency": _SECONDS,
    "persistence_requests": _SERVER,
    "persistence_error_with_type": _SERVER,
    "persistence_latency": _SECONDS,
    "workflow_success": _SERVER,
    "workflow_failed": _SERVER,
    "history_count": TemporalMetric(Kind.HISTOGRAM, is_servers=True),
    "schedule_action_success": _SERVER,
    "schedule_action_delay": _SECONDS,
    "schedule_missed_catchup_window": _rare("a slot must be older than its catch-up window"),
    "schedule_buffer_overruns": _rare("a thousand starts of one schedule must wait"),
    "schedule_rate_limited": _rare("a schedule must start more than the server allows a second"),
    "service_errors_resource_exhausted": _rare("the server must have refused for its limits"),
}
"""By name."""
