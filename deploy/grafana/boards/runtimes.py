"""The board Runtimes: models and tools, how long they take and how often they fail. Pure."""

from deploy.grafana.boards.asking import gauge, rate, share, slowest
from deploy.grafana.boards.choices import AGENTS, JOBS, WORKERS
from deploy.grafana.boards.declared import Board, Query, Row, Unit, bars, lines

TURN = "rota_turn_duration_seconds"
TOOL = "rota_tool_duration_seconds"
STEP = "rota_activity_duration_seconds"
BAD = "!ok|cancelled"

MODELS = Row(
    "Models",
    (
        lines(
            "Answers by outcome",
            Unit.RATE,
            "Attempts at a model's answer. Each counts, those that are tried again too.",
            Query(rate(TURN, "outcome", suffix="_count"), "{{outcome}}"),
        ),
        lines(
            "Answers that failed, by model",
            Unit.SHARE,
            "Of all attempts. Above a quarter for long: see 'Breakers', and the provider's page.",
            Query(
                share(
                    rate(TURN, "model", suffix="_count", outcome=BAD),
                    rate(TURN, "model", suffix="_count"),
                ),
                "{{model}}",
            ),
        ),
        lines(
            "How long answers take, half of them",
            Unit.SECONDS,
            "Until the answer is on record, by model. `unknown`: it has failed before it began.",
            Query(slowest(0.5, TURN, "model"), "{{model}}"),
        ),
        lines(
            "How long answers take, 19 of 20",
            Unit.SECONDS,
            "Until the answer is on record, by model. At most half an hour is told apart.",
            Query(slowest(0.95, TURN, "model"), "{{model}}"),
        ),
    ),
)

ACCOUNTS = Row(
    "Providers",
    (
        lines(
            "Breakers",
            Unit.COUNT,
            "Accounts of each kind of runtime by state. Open: runs wait, or take their fallback.",
            Query(gauge("rota_breakers", "runtime", "state"), "{{runtime}} {{state}}"),
        ),
        bars(
            "Breakers by account",
            Unit.COUNT,
            "At 1 it is open, or half open: rota doctor. Nothing: no call has failed yet.",
            Query(
                gauge("rota_breaker_open", "runtime", "account"),
                "{{runtime}} {{account}}",
            ),
        ),
        bars(
            "Agents by runtime",
            Unit.COUNT,
            "How many depend on each.",
            Query(
                f"count by (runtime) ({gauge('rota_agent_info', 'agent', 'runtime')})",
                "{{runtime}}",
            ),
        ),
        bars(
            "Agents by model",
            Unit.COUNT,
            "Empty: the provider chooses, or nobody is asked.",
            Query(f"count by (model) ({gauge('rota_agent_info', 'agent', 'model')})", "{{model}}"),
        ),
    ),
)

TOOLS = Row(
    "Tools",
    (
        lines(
            "Calls by tool",
            Unit.RATE,
            "Attempts, those that are tried again too.",
            Query(rate(TOOL, "tool", suffix="_count"), "{{tool}}"),
        ),
        lines(
            "Calls that failed, by tool",
            Unit.SHARE,
            "Of all attempts. The model reads of the last one, and may go another way.",
            Query(
                share(
                    rate(TOOL, "tool", suffix="_count", outcome=BAD),
                    rate(TOOL, "tool", suffix="_count"),
                ),
                "{{tool}}",
            ),
        ),
        lines(
            "How long calls take, 19 of 20",
            Unit.SECONDS,
            "Until the tool has answered.",
            Query(slowest(0.95, TOOL, "tool"), "{{tool}}"),
        ),
    ),
)

STEPS = Row(
    "All steps",
    (
        lines(
            "Steps by outcome",
            Unit.RATE,
            "Attempts at activities of whatever kind.",
            Query(rate(STEP, "outcome", suffix="_count"), "{{outcome}}"),
        ),
        lines(
            "How long steps take, 19 of 20",
            Unit.SECONDS,
            "By the activity's type. Those that ask models and providers take as long as these.",
            Query(slowest(0.95, STEP, "activity_type"), "{{activity_type}}"),
        ),
    ),
)

RUNTIMES = Board(
    "rota-runtimes",
    "Rota / Runtimes",
    "Models, providers and tools: how long they take, how often they fail, which breaker is open.",
    (MODELS, ACCOUNTS, TOOLS, STEPS),
    (JOBS, AGENTS, WORKERS),
)
