"""The board Schedules and slots: is everything on time, and what was passed over. Pure."""

from deploy.grafana.boards.asking import (
    DAY,
    RANGE,
    age,
    gained,
    gauge,
    quantile,
    rate,
    share,
    slowest,
    total,
)
from deploy.grafana.boards.choices import AGENTS, JOBS, SERVERS
from deploy.grafana.boards.declared import Board, Query, Row, Unit, lines, number, table

ON_TIME = "5(\\\\.0)?"
"""The bucket of runs that were on time; newer servers write it as a decimal."""
IN_TIME = (
    "sum by () (max by (job, agent) (increase(rota_run_start_delay_seconds_bucket"
    f'{{job=~"$job",agent=~"$agent",le=~"{ON_TIME}"}}[{RANGE}])))'
)
SCHEDULED = (
    "sum by () (max by (job, agent) (increase(rota_run_start_delay_seconds_count"
    f'{{job=~"$job",agent=~"$agent"}}[{RANGE}])))'
)

NOW = Row(
    "Now",
    (
        number(
            "On time",
            Unit.SHARE,
            "Of scheduled runs in the time shown: begun within 5 s of their slot, jitter included.",
            share(IN_TIME, SCHEDULED),
        ),
        number(
            "Missed slots",
            Unit.COUNT,
            "Slots that came, and nothing ran for them: rota missed.",
            total("rota_slots_missed"),
            bad_from=1,
        ),
        number(
            "Paused schedules",
            Unit.COUNT,
            "By whomever: rota resume AGENT.",
            total("rota_schedule_paused"),
        ),
        number(
            "Next slot of all in",
            Unit.SECONDS,
            "Until something is to start.",
            f"min({gauge('rota_schedule_next_timestamp_seconds', 'agent')} > 0) - time()",
        ),
    ),
)

SLOTS = Row(
    "Slots",
    (
        table(
            "Schedules",
            Unit.SECONDS,
            "One row for each agent with a schedule.",
            Query(
                f"({gauge('rota_schedule_next_timestamp_seconds', 'agent')} > 0) - time()",
                "next slot in",
            ),
            Query(gauge("rota_schedule_interval_seconds", "agent"), "longest time between"),
            Query(age("rota_last_success_timestamp_seconds", "agent"), "last success"),
            Query(gauge("rota_slots_missed", "agent"), "missed", Unit.COUNT),
            Query(
                gained("rota_slots_passed_total", "agent", within=RANGE), "passed over", Unit.COUNT
            ),
        ),
        lines(
            "How late runs began, in the day before",
            Unit.SECONDS,
            "From the slot to when its run presented itself, 19 of 20; jitter included.",
            Query(quantile(0.95, "rota_run_start_delay_seconds", "agent")),
        ),
        lines(
            "Time between slots without a success",
            Unit.COUNT,
            "Since the last success, in times of the longest time between slots. From 2 on it is "
            "behind.",
            Query(
                f"({age('rota_last_success_timestamp_seconds', 'agent')})"
                f" / ({gauge('rota_schedule_interval_seconds', 'agent')} > 0)"
            ),
        ),
        lines(
            "Slots passed over, in the day before",
            Unit.COUNT,
            "Without a run of their own, since a newer one ran in their place.",
            Query(gained("rota_slots_passed_total", "agent", within=DAY)),
        ),
        lines(
            "Runs skipped, in the day before",
            Unit.COUNT,
            "A run of the session was at work, as declared: overlap, session.concurrency.",
            Query(gained("rota_runs_total", "agent", within=DAY, outcome="skipped")),
        ),
        lines(
            "Runs made good, in the day before",
            Unit.COUNT,
            "Past slots that were run later, or again: rota backfill, rota rerun.",
            Query(
                gained("rota_runs_total", "trigger", within=DAY, trigger="backfill|rerun"),
                "{{trigger}}",
            ),
        ),
    ),
)

SERVER = Row(
    "Temporal's scheduler",
    (
        lines(
            "Starts by schedules",
            Unit.RATE,
            "Of all namespaces' schedules.",
            Query(rate("schedule_action_success", "namespace"), "{{namespace}}"),
        ),
        lines(
            "How late they were, 19 of 20",
            Unit.SECONDS,
            "From when a start was due to when it was made. Temporal aims at one second.",
            Query(slowest(0.95, "schedule_action_delay", "namespace"), "{{namespace}}"),
        ),
        lines(
            "Starts that were not made",
            Unit.RATE,
            "Older than the catch-up window; more than fit in the buffer; more than are allowed a "
            "second. None is normal, and then nothing is shown.",
            Query(rate("schedule_missed_catchup_window", "namespace"), "{{namespace}} too late"),
            Query(rate("schedule_buffer_overruns", "namespace"), "{{namespace}} too many"),
            Query(rate("schedule_rate_limited", "namespace"), "{{namespace}} too often"),
        ),
    ),
)

SCHEDULES = Board(
    "rota-schedules",
    "Rota / Schedules and slots",
    "Which slots come next, which runs were late, and what was missed, passed over or skipped.",
    (NOW, SLOTS, SERVER),
    (JOBS, AGENTS, SERVERS),
    temporal_path="schedules",
)
