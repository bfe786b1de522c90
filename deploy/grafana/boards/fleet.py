"""The board Fleet: is anything wrong, and where. Pure."""

from deploy.grafana.boards.asking import RANGE, age, gained, gauge, share, total
from deploy.grafana.boards.choices import AGENTS, JOBS
from deploy.grafana.boards.declared import Board, Query, Row, Unit, lines, number, table
from deploy.grafana.boards.durations import DURATIONS

ENDED = "succeeded|failed|blocked|timed_out"
"""Outcomes of runs that were to work; skipped and cancelled ones were not."""

NOW = Row(
    "Now",
    (
        number(
            "Agents",
            Unit.COUNT,
            "Agents and pipelines whose keepers have answered. Fewer than declared: see 'Unheard'.",
            f"count({gauge('rota_agent_info', 'agent')})",
        ),
        number(
            "Runs at work",
            Unit.COUNT,
            "Runs that have begun and not ended, those that wait for something included.",
            total("rota_runs_open", state="running"),
        ),
        number(
            "Runs queued",
            Unit.COUNT,
            "Runs that wait for another run of their session to end.",
            total("rota_runs_open", state="queued"),
        ),
        number(
            "Waiting for approval",
            Unit.COUNT,
            "Calls of tools that a person decides on first: rota approvals.",
            total("rota_approvals_pending"),
            bad_from=1,
        ),
        number(
            "Parked",
            Unit.COUNT,
            "Runs that stand still until somebody does something: rota runs --status parked.",
            total("rota_runs_parked"),
            bad_from=1,
        ),
        number(
            "Blocked agents",
            Unit.COUNT,
            "Agents whose newest runs could not work, for lack of a secret, say: rota runs AGENT.",
            f"count(({gauge('rota_agent_blocked', 'agent')}) > 0) or vector(0)",
            bad_from=1,
        ),
        number(
            "Frozen agents",
            Unit.COUNT,
            "Agents of which nothing new starts until they are thawed: rota thaw.",
            total("rota_agent_frozen"),
        ),
        number(
            "Alerts of the Watchdog",
            Unit.COUNT,
            "What has not happened and should have: rota watchdog.",
            total("rota_watchdog_alerts"),
            bad_from=1,
        ),
        number(
            "Unheard",
            Unit.COUNT,
            "Keepers that do not answer: of their agents what they last said is shown.",
            total("rota_exporter_agents", state="unheard"),
            bad_from=1,
        ),
        number(
            "Success",
            Unit.SHARE,
            "Of the runs that were to work, how many succeeded in the time shown.",
            share(
                gained("rota_runs_total", within=RANGE, outcome="succeeded"),
                gained("rota_runs_total", within=RANGE, outcome=ENDED),
            ),
        ),
    ),
)

RUNS = Row(
    "Runs",
    (
        lines(
            "Runs by outcome, in the hour before",
            Unit.COUNT,
            "How runs ended. Each is counted once, in whichever worker and however often it ran.",
            Query(gained("rota_runs_total", "outcome"), "{{outcome}}"),
        ),
        lines(
            "Runs without success, in the hour before",
            Unit.COUNT,
            "By agent: failed, blocked, or out of time. Click for the agent, or for its runs.",
            Query(f"{gained('rota_runs_total', 'agent', outcome='failed|blocked|timed_out')} > 0"),
        ),
        lines(
            "Runs by trigger, in the hour before",
            Unit.COUNT,
            "Why they ran.",
            Query(gained("rota_runs_total", "trigger"), "{{trigger}}"),
        ),
        DURATIONS,
    ),
)

WATCHED = Row(
    "What did not happen",
    (
        lines(
            "Alerts of the Watchdog, by kind",
            Unit.COUNT,
            "Open ones: missed, late, overdue, stuck, silent and so on.",
            Query(gauge("rota_watchdog_alerts", "kind"), "{{kind}}"),
        ),
        lines(
            "Missed slots",
            Unit.COUNT,
            "Slots that came, and nothing ran for them: rota missed, rota explain AGENT SLOT.",
            Query(gauge("rota_slots_missed", "agent")),
        ),
        number(
            "Since the last check",
            Unit.SECONDS,
            "How long ago the Watchdog looked: rota watchdog. Nothing: it never has.",
            age("rota_watchdog_last_check_timestamp_seconds"),
        ),
        number(
            "Time between checks",
            Unit.SECONDS,
            "As declared. Nothing: the fleet declares no Watchdog.",
            gauge("rota_watchdog_interval_seconds"),
        ),
        number(
            "Behind with the archive",
            Unit.SECONDS,
            "How long the oldest closed run waits to be put away before Temporal forgets it; or "
            "how long every attempt has come to nothing.",
            gauge("rota_archive_lag_seconds"),
            bad_from=21_600,
        ),
        number(
            "Since the archive's last attempt",
            Unit.SECONDS,
            "The Watchdog tries every five minutes, or sooner while something is left.",
            age("rota_archive_last_attempt_timestamp_seconds"),
        ),
        number(
            "Archive in trouble",
            Unit.COUNT,
            "The last attempt came to nothing, or not to all. Why: rota watchdog, rota doctor.",
            total("rota_archive_trouble"),
            bad_from=1,
        ),
        lines(
            "Runs that are not put away",
            Unit.COUNT,
            "Left to the next attempt, and those that could not be put away.",
            Query(total("rota_archive_waiting_runs"), "left to the next attempt"),
            Query(total("rota_archive_failing_runs"), "could not be"),
        ),
        number(
            "Archived records that do not verify",
            Unit.COUNT,
            "Runs and checkpoints that were changed in the store, or are gone from it; 20 at most "
            "are told.",
            total("rota_audit_broken"),
            bad_from=1,
        ),
        number(
            "Since the archive was verified",
            Unit.SECONDS,
            "A part of it is, every five minutes, round after round.",
            age("rota_audit_verified_timestamp_seconds"),
        ),
    ),
)

CALLS = Row(
    "Tools, effects, people",
    (
        lines(
            "Calls of tools by decision, in the hour before",
            Unit.COUNT,
            "Many that were denied or refused: a model tries what it may not, by itself or since "
            "something it read told it to.",
            Query(gained("rota_tool_calls_total", "decision"), "{{decision}}"),
        ),
        lines(
            "Effects, in the hour before",
            Unit.COUNT,
            "Answered: it had happened in an earlier run. Unknown: a person was asked.",
            Query(gained("rota_effects_total", "result"), "{{result}}"),
        ),
        lines(
            "Approvals, in the day before",
            Unit.COUNT,
            "How requests for a person's decision ended.",
            Query(gained("rota_approvals_total", "outcome", within="1d"), "{{outcome}}"),
        ),
        lines(
            "Calls of other agents, in the hour before",
            Unit.COUNT,
            "How handoffs ended.",
            Query(gained("rota_handoffs_total", "outcome"), "{{outcome}}"),
        ),
    ),
)

AGENTS_ROW = Row(
    "Agents",
    (
        table(
            "Each agent",
            Unit.COUNT,
            "One row for each; click for its board, or for its runs in Temporal.",
            Query(
                age("rota_last_success_timestamp_seconds", "agent"), "last success", Unit.SECONDS
            ),
            Query(
                f"({gauge('rota_schedule_next_timestamp_seconds', 'agent')} > 0) - time()",
                "next slot in",
                Unit.SECONDS,
            ),
            Query(total("rota_runs_open", "agent"), "open runs"),
            Query(gained("rota_runs_total", "agent", within=RANGE, outcome=ENDED), "runs"),
            Query(
                gained(
                    "rota_runs_total", "agent", within=RANGE, outcome="failed|blocked|timed_out"
                ),
                "without success",
            ),
            Query(
                gauge("rota_budget_spent_dollars", "agent", window="day"),
                "spent today",
                Unit.DOLLARS,
            ),
        ),
    ),
)

FLEET = Board(
    "rota-fleet",
    "Rota / Fleet",
    "All agents of a fleet: what runs, what failed, what did not happen, who waits.",
    (NOW, RUNS, WATCHED, AGENTS_ROW, CALLS),
    (JOBS, AGENTS),
)
