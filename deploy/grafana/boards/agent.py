"""The board Agent: everything about one of them. Pure."""

from deploy.grafana.boards.asking import DAY, age, gained, gauge, total, typical
from deploy.grafana.boards.choices import JOBS, ONE_AGENT
from deploy.grafana.boards.declared import Board, Query, Row, Unit, bars, lines, number
from deploy.grafana.boards.durations import DURATIONS

NOW = Row(
    "Now",
    (
        number(
            "Since the last success",
            Unit.SECONDS,
            "Compare with 'Longest time between slots'.",
            age("rota_last_success_timestamp_seconds"),
        ),
        number(
            "Since the last end",
            Unit.SECONDS,
            "Whatever the outcome; skipped runs do not count.",
            age("rota_last_end_timestamp_seconds"),
        ),
        number(
            "Longest time between slots",
            Unit.SECONDS,
            "Of the next few slots.",
            gauge("rota_schedule_interval_seconds"),
        ),
        number(
            "Next slot in",
            Unit.SECONDS,
            "Nothing: none follows, or its schedule is paused.",
            f"({gauge('rota_schedule_next_timestamp_seconds')} > 0) - time()",
        ),
        number(
            "Open runs",
            Unit.COUNT,
            "At work, which includes waiting, or queued.",
            total("rota_runs_open"),
        ),
        number(
            "Age of the oldest open run",
            Unit.SECONDS,
            "Nothing: none is open.",
            age("rota_run_oldest_open_timestamp_seconds"),
        ),
        number(
            "Waiting for approval",
            Unit.COUNT,
            "Calls of tools that a person decides on first: rota approvals.",
            gauge("rota_approvals_pending"),
            bad_from=1,
        ),
        number(
            "Parked runs",
            Unit.COUNT,
            "They stand still until somebody does something.",
            gauge("rota_runs_parked"),
            bad_from=1,
        ),
        number(
            "Effects nobody knows of",
            Unit.COUNT,
            "They wait for somebody's word: rota effects.",
            gauge("rota_effects_unknown"),
            bad_from=1,
        ),
        number(
            "Missed slots",
            Unit.COUNT,
            "Slots that came, and nothing ran for them: rota missed.",
            gauge("rota_slots_missed"),
            bad_from=1,
        ),
    ),
)

RUNS = Row(
    "Runs",
    (
        lines(
            "Runs by outcome, in the day before",
            Unit.COUNT,
            "How runs ended, each counted once.",
            Query(gained("rota_runs_total", "outcome", within=DAY), "{{outcome}}"),
        ),
        lines(
            "Runs by trigger, in the day before",
            Unit.COUNT,
            "Why they ran.",
            Query(gained("rota_runs_total", "trigger", within=DAY), "{{trigger}}"),
        ),
        DURATIONS,
        lines(
            "How late runs began, in the day before",
            Unit.SECONDS,
            "From the slot to when its run presented itself, jitter included; scheduled runs only.",
            *typical("rota_run_start_delay_seconds"),
        ),
    ),
)

CALLS = Row(
    "What it did",
    (
        lines(
            "Calls of tools by decision, in the day before",
            Unit.COUNT,
            "Refused: no such tool, over a limit, or an approval that is void.",
            Query(gained("rota_tool_calls_total", "decision", within=DAY), "{{decision}}"),
        ),
        lines(
            "Effects, in the day before",
            Unit.COUNT,
            "Calls that change something, by what became of that.",
            Query(gained("rota_effects_total", "result", within=DAY), "{{result}}"),
        ),
        lines(
            "Calls of other agents, in the day before",
            Unit.COUNT,
            "By whom it called, and how that ended.",
            Query(
                gained("rota_handoffs_total", "called", "outcome", within=DAY),
                "{{called}} {{outcome}}",
            ),
        ),
        lines(
            "Approvals, in the day before",
            Unit.COUNT,
            "How requests for a person's decision ended.",
            Query(gained("rota_approvals_total", "outcome", within=DAY), "{{outcome}}"),
        ),
        lines(
            "How long people took, in the week before",
            Unit.SECONDS,
            "From a request to its decision, or to the end of its time.",
            *typical("rota_approval_wait_seconds", within="7d"),
        ),
    ),
)

MONEY = Row(
    "What it cost",
    (
        lines(
            "Cost by model, in the day before",
            Unit.DOLLARS,
            "What is known to be spent, by the model that answered; counted at a run's end.",
            Query(gained("rota_cost_dollars_total", "model", within=DAY), "{{model}}"),
        ),
        lines(
            "Tokens, in the day before",
            Unit.COUNT,
            "Read, written, and read from or written to the provider's cache.",
            Query(gained("rota_tokens_total", "type", within=DAY), "{{type}}"),
        ),
        bars(
            "Its budget begins anew in",
            Unit.SECONDS,
            "Until the window ends, by the clock of the agent's own time zone.",
            Query(
                f"({gauge('rota_budget_window_end_timestamp_seconds', 'window')} > 0) - time()",
                "{{window}}",
            ),
        ),
        bars(
            "Left of its budget",
            Unit.DOLLARS,
            "What may still be reserved in this window; below nothing once it is overrun.",
            Query(gauge("rota_budget_left_dollars", "window"), "{{window}}"),
        ),
    ),
)

AGENT = Board(
    "rota-agent",
    "Rota / Agent",
    "One agent, or pipeline: when it ran, how that ended, what it did, what it cost.",
    (NOW, RUNS, CALLS, MONEY),
    (JOBS, ONE_AGENT),
    temporal_path="workflows?query=RotaAgent%3D%22${agent:percentencode}%22",
)
