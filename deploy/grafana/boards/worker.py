"""The board Worker and Temporal: is there anybody to do the work, and does the engine keep up."""

from deploy.grafana.boards.asking import RANGE, age, gained, gauge, own, rate, share, slowest, total
from deploy.grafana.boards.choices import JOBS, SERVERS, WORKERS
from deploy.grafana.boards.declared import Board, Query, Row, Unit, bars, lines, number

UP = Row(
    "Processes",
    (
        number(
            "Workers",
            Unit.COUNT,
            "Worker processes that Prometheus reaches.",
            'sum(up{job=~"$workers"})',
        ),
        number("Gateways", Unit.COUNT, "Gateways that Prometheus reaches.", 'sum(up{job=~"$job"})'),
        number(
            "Age of the fleet's numbers",
            Unit.SECONDS,
            "Since the gateway could last read its oldest part: 15 s, more for large fleets.",
            f"max({age('rota_exporter_last_look_timestamp_seconds', 'part')})",
            bad_from=300,
        ),
        number(
            "A look takes",
            Unit.SECONDS,
            "How long the gateway needs to ask the whole fleet.",
            gauge("rota_exporter_look_duration_seconds"),
        ),
        number(
            "Looks that failed, in the time shown",
            Unit.COUNT,
            "Parts of the fleet that could not be read; why stands in the gateway's log.",
            gained("rota_exporter_failures_total", within=RANGE),
            bad_from=1,
        ),
        number(
            "Keepers heard",
            Unit.COUNT,
            "Agents and pipelines that have answered the gateway's last look.",
            total("rota_exporter_agents", state="heard"),
        ),
        lines(
            "Age of the fleet's numbers, by part",
            Unit.SECONDS,
            "Since the gateway could last read it; why it cannot stands in the gateway's log.",
            Query(age("rota_exporter_last_look_timestamp_seconds", "part"), "{{part}}"),
        ),
        lines(
            "Deliveries by answer",
            Unit.RATE,
            "What is posted to the gateways; unsigned: a secret that fits on one side alone, or a "
            "stranger. The gateway's log has the names.",
            Query(rate("rota_deliveries_total", "outcome"), "{{outcome}}"),
        ),
        bars(
            "Gateways by version",
            Unit.COUNT,
            "More than one version: an upgrade is under way, or was left half done.",
            Query(own("rota_build_info", "version"), "{{version}}"),
        ),
    ),
)

QUEUES = Row(
    "Task queues",
    (
        lines(
            "How long workflow tasks wait, 19 of 20",
            Unit.MILLISECONDS,
            "Above a second for long: more workers are needed, or they are stuck.",
            Query(
                slowest(0.95, "temporal_workflow_task_schedule_to_start_latency", "task_queue"),
                "{{task_queue}}",
            ),
        ),
        lines(
            "How long steps wait, 19 of 20",
            Unit.MILLISECONDS,
            "Until a worker takes them. A queue with requests_per_second waits as declared.",
            Query(
                slowest(0.95, "temporal_activity_schedule_to_start_latency", "task_queue"),
                "{{task_queue}}",
            ),
        ),
        lines(
            "Pollers",
            Unit.COUNT,
            "Who asks for work. None on a queue: nobody serves it.",
            Query(
                own("temporal_num_pollers", "task_queue", "poller_type"),
                "{{task_queue}} {{poller_type}}",
            ),
        ),
        lines(
            "Slots left",
            Unit.COUNT,
            "How many more tasks workers take at once. None: add workers.",
            Query(
                own("temporal_worker_task_slots_available", "task_queue", "worker_type"),
                "{{task_queue}} {{worker_type}}",
            ),
        ),
        lines(
            "Slots used",
            Unit.COUNT,
            "Tasks at work.",
            Query(
                own("temporal_worker_task_slots_used", "task_queue", "worker_type"),
                "{{task_queue}} {{worker_type}}",
            ),
        ),
    ),
)

FAILURES = Row(
    "Failures",
    (
        lines(
            "Workflow tasks that failed",
            Unit.RATE,
            "NonDeterminismError: code and history do not fit. The run stays open and is tried "
            "again: rota replay.",
            Query(
                rate("temporal_workflow_task_execution_failed", "failure_reason", "workflow_type"),
                "{{failure_reason}} {{workflow_type}}",
            ),
        ),
        lines(
            "Activities that failed",
            Unit.RATE,
            "Attempts, by type; most are tried again.",
            Query(rate("temporal_activity_execution_failed", "activity_type"), "{{activity_type}}"),
        ),
        lines(
            "Workers' calls of the server that failed",
            Unit.RATE,
            "By operation and code. NOT_FOUND of what has ended meanwhile is normal.",
            Query(
                rate("temporal_request_failure", "operation", "status_code"),
                "{{operation}} {{status_code}}",
            ),
        ),
    ),
)

CACHE = Row(
    "Workflows in memory",
    (
        lines(
            "Workflows kept",
            Unit.COUNT,
            "What a worker keeps need not be replayed.",
            Query(own("temporal_sticky_cache_size", "task_queue"), "{{task_queue}}"),
        ),
        lines(
            "Found in memory",
            Unit.RATE,
            "Workflow tasks whose workflow was there; the others are replayed from history.",
            Query(rate("temporal_sticky_cache_hit", "task_queue"), "{{task_queue}}"),
        ),
        lines(
            "Put out of memory",
            Unit.RATE,
            "To make room, or after a failure. Many: workers need more memory.",
            Query(
                rate("temporal_sticky_cache_total_forced_eviction", "task_queue"), "{{task_queue}}"
            ),
        ),
        lines(
            "How long replays take, 19 of 20",
            Unit.MILLISECONDS,
            "Of workflows that were not in memory.",
            Query(
                slowest(0.95, "temporal_workflow_task_replay_latency", "task_queue"),
                "{{task_queue}}",
            ),
        ),
        lines(
            "How long workflow tasks take, 19 of 20",
            Unit.MILLISECONDS,
            "Above two seconds a workflow is taken for one that hangs.",
            Query(
                slowest(0.95, "temporal_workflow_task_execution_latency", "task_queue"),
                "{{task_queue}}",
            ),
        ),
    ),
)

SERVER = Row(
    "Temporal server",
    (
        lines(
            "Requests",
            Unit.RATE,
            "By the server's part.",
            Query(rate("service_requests", "service_name"), "{{service_name}}"),
        ),
        lines(
            "Requests that failed",
            Unit.RATE,
            "By type. NotFound and AlreadyExists belong to ordinary work.",
            Query(rate("service_error_with_type", "error_type"), "{{error_type}}"),
        ),
        lines(
            "How long requests take, 19 of 20",
            Unit.SECONDS,
            "Without long polls, which wait as they should.",
            Query(
                slowest(
                    0.95,
                    "service_latency",
                    "service_name",
                    operation="(Start|Signal|Respond|Record|Describe|Update|Query).*",
                ),
                "{{service_name}}",
            ),
        ),
        lines(
            "How long the database takes, 19 of 20",
            Unit.SECONDS,
            "By operation, the slowest five.",
            Query(f"topk(5, {slowest(0.95, 'persistence_latency', 'operation')})", "{{operation}}"),
        ),
        lines(
            "Calls of the database that failed",
            Unit.SHARE,
            "Of all, without rows that were looked for and are not there.",
            Query(
                share(
                    rate("persistence_error_with_type", "service_name", error_type="!.*NotFound"),
                    rate("persistence_requests", "service_name"),
                ),
                "{{service_name}}",
            ),
        ),
        lines(
            "Workflows that ended",
            Unit.RATE,
            "Runs, pipelines, checks of the Watchdog and whatever else the namespace has.",
            Query(rate("workflow_success", "namespace"), "{{namespace}} completed"),
            Query(rate("workflow_failed", "namespace"), "{{namespace}} failed"),
        ),
        lines(
            "Events of a history, 19 of 20",
            Unit.COUNT,
            "When it ended or went on as a new one. The server ends what has 51,200.",
            Query(slowest(0.95, "history_count", "namespace"), "{{namespace}}"),
        ),
        lines(
            "Refused for the server's limits",
            Unit.RATE,
            "By cause. Raise the limits of the namespace, or spread the load.",
            Query(
                rate("service_errors_resource_exhausted", "resource_exhausted_cause"),
                "{{resource_exhausted_cause}}",
            ),
        ),
    ),
)

WORKER = Board(
    "rota-worker",
    "Rota / Worker and Temporal",
    "Workers, gateways and the Temporal server: who is there, what waits, what fails.",
    (UP, QUEUES, FAILURES, CACHE, SERVER),
    (JOBS, WORKERS, SERVERS),
    temporal_path="task-queues",
)
