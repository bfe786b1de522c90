"""Every metric of Rota, in one closed list: name, unit, labels, meaning, and who knows it. Pure.

Whatever is exported is in here, and whatever is in here is exported; tests hold both, and the
page docs/metrics.md, to it. Totals come from the keepers, where a run's end counts once. How long
steps take is measured where they happen, in the workers.
"""

from rota.breaker import Phase
from rota.budget import WindowKind
from rota.failures import FailureCategory
from rota.metric_kinds import Kind, Label, Metric, Source, Unit
from rota.notify_spec import WATCHED
from rota.run_tally import MOST_CALLED, ApprovalEnd, CallDecision, EffectResult, HandoffEnd
from rota.runs import RunStatus, Trigger
from rota.spread import DELAY_BOUNDS, RUN_BOUNDS, WAIT_BOUNDS
from rota.totals import MOST_MODELS

PREFIX = "rota_"
STEP_BOUNDS = (0.05, 0.25, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800)
"""Seconds of a step: from a look-up to the longest a model, or a tool, may take."""
MOST_NAMES = 200
"""Names of tools and of models that one worker tells apart; the rest is `other`."""

AGENT = Label("agent")
TEAM = Label("team")
WINDOW = Label("window", tuple(WindowKind))
MODEL = Label("model", most=MOST_MODELS + 2)
"""Two more: `other` and `unknown`."""
OUTCOMES = tuple(status for status in RunStatus if status.closed)
STEP_OUTCOMES = ("ok", "cancelled", *FailureCategory, "other")
PARTS = ("keepers", "teams", "schedules", "waits", "breakers", "watchdog")
"""What the gateway looks at, each by itself: one that fails leaves the others."""


def _counter(name: str, unit: Unit, meaning: str, *labels: Label) -> Metric:
    return Metric(PREFIX + name, Kind.COUNTER, unit, labels, meaning, Source.KEEPER)


def _gauge(
    name: str, unit: Unit, meaning: str, *labels: Label, source: Source = Source.KEEPER
) -> Metric:
    return Metric(PREFIX + name, Kind.GAUGE, unit, labels, meaning, source)


def _listed(name: str, unit: Unit, meaning: str, *labels: Label) -> Metric:
    return _gauge(name, unit, meaning, *labels, source=Source.SERVER)


def _watched(name: str, unit: Unit, meaning: str, *labels: Label) -> Metric:
    return _gauge(name, unit, meaning, *labels, source=Source.WATCHDOG)


def _own(name: str, unit: Unit, meaning: str, *labels: Label) -> Metric:
    return _gauge(name, unit, meaning, *labels, source=Source.GATEWAY)


def _spread(name: str, bounds: tuple[float, ...], meaning: str) -> Metric:
    histogram = (Kind.HISTOGRAM, Unit.SECONDS, (AGENT,))
    return Metric(PREFIX + name, *histogram, meaning, Source.KEEPER, bounds)


def _step(name: str, meaning: str, label: Label) -> Metric:
    labels = (label, Label("outcome", STEP_OUTCOMES))
    histogram = (Kind.HISTOGRAM, Unit.SECONDS, labels)
    return Metric(PREFIX + name, *histogram, meaning, Source.WORKER, STEP_BOUNDS)


_INFO = tuple(Label(name) for name in ("agent", "kind", "team", "runtime", "model"))

_AGENTS = (
    _gauge("agent_info", Unit.COUNT, "Always 1: what the agent is, to join by.", *_INFO),
    _gauge("agent_frozen", Unit.FLAG, "Nothing new of it starts.", AGENT),
    _gauge("agent_blocked", Unit.COUNT, "Reasons why its newest runs could not work.", AGENT),
)

_RUNS = (
    _counter(
        "runs_total",
        Unit.COUNT,
        "Runs that have ended.",
        AGENT,
        Label("outcome", OUTCOMES),
        Label("trigger", tuple(Trigger)),
    ),
    _spread(
        "run_duration_seconds",
        RUN_BOUNDS,
        "From when a run presented itself to its end, waits included; without skipped runs.",
    ),
    _spread(
        "run_start_delay_seconds",
        DELAY_BOUNDS,
        "From a slot to when its run presented itself, jitter included; of scheduled runs.",
    ),
    _gauge(
        "runs_open",
        Unit.COUNT,
        "Runs that have not ended: at work, which includes waiting, or queued.",
        AGENT,
        Label("state", (RunStatus.RUNNING, RunStatus.QUEUED)),
    ),
    _gauge(
        "run_oldest_open_timestamp_seconds",
        Unit.TIME,
        "When the oldest of those presented itself; absent without one.",
        AGENT,
    ),
    _gauge("last_success_timestamp_seconds", Unit.TIME, "When it last succeeded.", AGENT),
    _gauge(
        "last_end_timestamp_seconds", Unit.TIME, "When a run that was not skipped ended.", AGENT
    ),
    _counter(
        "slots_passed_total",
        Unit.COUNT,
        "Slots without a run of their own, since a newer one ran in their place.",
        AGENT,
    ),
)

_MONEY = (
    _counter(
        "tokens_total",
        Unit.TOKENS,
        "Tokens, by the model that answered.",
        AGENT,
        MODEL,
        Label("type", ("input", "output", "cache_read", "cache_write")),
    ),
    _counter(
        "cost_dollars_total",
        Unit.DOLLARS,
        "What is known to be spent, by the model that answered.",
        AGENT,
        MODEL,
    ),
    _counter("unpriced_runs_total", Unit.COUNT, "Runs that used what has no price.", AGENT),
    _counter("unknown_attempts_total", Unit.COUNT, "Attempts that may have been billed.", AGENT),
    _counter(
        "unknown_cost_dollars_total",
        Unit.DOLLARS,
        "What those may have cost at most; in no sum of costs.",
        AGENT,
    ),
)


def _budget(prefix: str, whose: Label, source: Source) -> tuple[Metric, ...]:
    def gauge(name: str, unit: Unit, meaning: str, *more: Label) -> Metric:
        return _gauge(prefix + name, unit, meaning, whose, *more, source=source)

    limit = "What the window's limit is, raises included; absent without one."
    left = "What may still be reserved of that; below nothing once it is overrun."
    return (
        gauge("spent_dollars", Unit.DOLLARS, "Spent in the window that runs now.", WINDOW),
        gauge("limit_dollars", Unit.DOLLARS, limit, WINDOW),
        gauge("left_dollars", Unit.DOLLARS, left, WINDOW),
        gauge("limit_tokens", Unit.TOKENS, limit, WINDOW),
        gauge("left_tokens", Unit.TOKENS, left, WINDOW),
        gauge("waiting_runs", Unit.COUNT, "Runs that were refused, and wait for room."),
    )


_CALLS = (
    _counter(
        "tool_calls_total",
        Unit.COUNT,
        "Calls of tools, by what was decided before they were made.",
        AGENT,
        Label("decision", tuple(CallDecision)),
    ),
    _counter(
        "effects_total",
        Unit.COUNT,
        "Calls that change something, by what became of that.",
        AGENT,
        Label("result", tuple(EffectResult)),
    ),
    _gauge("effects_unknown", Unit.COUNT, "Effects that wait for somebody's word.", AGENT),
    _counter(
        "handoffs_total",
        Unit.COUNT,
        "Calls of other agents, by how these ended.",
        AGENT,
        Label("called", most=MOST_CALLED + 1),
        Label("outcome", tuple(HandoffEnd)),
    ),
    _counter(
        "approvals_total",
        Unit.COUNT,
        "Requests for a person's decision, by how they ended.",
        AGENT,
        Label("outcome", tuple(ApprovalEnd)),
    ),
    _spread("approval_wait_seconds", WAIT_BOUNDS, "How long those waited."),
)

_LISTED = (
    _listed("approvals_pending", Unit.COUNT, "Calls that wait for a person's decision.", AGENT),
    _listed(
        "approval_oldest_timestamp_seconds",
        Unit.TIME,
        "Since when the oldest of those waits; absent without one.",
        AGENT,
    ),
    _listed(
        "runs_parked", Unit.COUNT, "Runs that stand still until somebody does something.", AGENT
    ),
    _listed(
        "schedule_next_timestamp_seconds",
        Unit.TIME,
        "The next slot; 0 if none follows, or while it is paused.",
        AGENT,
    ),
    _listed(
        "schedule_interval_seconds",
        Unit.SECONDS,
        "The longest time between two of the next slots; absent if fewer than two follow.",
        AGENT,
    ),
    _listed("schedule_paused", Unit.FLAG, "Its schedule starts nothing.", AGENT),
    _listed(
        "breakers",
        Unit.COUNT,
        "Breakers of the runtime's accounts; one that does not exist is closed, and not counted.",
        Label("runtime"),
        Label("state", tuple(Phase)),
    ),
)

_WATCHED = (
    _watched("watchdog_last_check_timestamp_seconds", Unit.TIME, "When its newest check began."),
    _watched("watchdog_alerts", Unit.COUNT, "Its open alerts.", Label("kind", WATCHED)),
    _watched(
        "slots_missed",
        Unit.COUNT,
        "Slots of its open alerts that came, and nothing ran for them.",
        AGENT,
    ),
    _watched(
        "archive_lag_seconds",
        Unit.SECONDS,
        "How long the oldest closed run waits to be archived; absent if nothing archives.",
    ),
)

_GATEWAY = (
    _own(
        "exporter_last_look_timestamp_seconds",
        Unit.TIME,
        "When the values of this scrape were read.",
    ),
    _own("exporter_look_duration_seconds", Unit.SECONDS, "How long that took."),
    _own(
        "exporter_agents",
        Unit.COUNT,
        "Agents and pipelines by whether their keepers answered; of the others what they last "
        "said is told.",
        Label("state", ("heard", "unheard")),
    ),
    Metric(
        PREFIX + "exporter_failures_total",
        Kind.COUNTER,
        Unit.COUNT,
        (Label("part", PARTS),),
        "Looks at a part that came to nothing.",
        Source.GATEWAY,
    ),
    _own("build_info", Unit.COUNT, "Always 1: the version of the gateway.", Label("version")),
)

_STEPS = (
    _step(
        "turn_duration_seconds",
        "One attempt at a model's answer, until that is on record.",
        Label("model", most=MOST_NAMES + 2),
    ),
    _step(
        "tool_duration_seconds",
        "One attempt at a tool's call, until it has answered.",
        Label("tool", most=MOST_NAMES + 1),
    ),
    _step("activity_duration_seconds", "One attempt at any activity.", Label("activity_type")),
)

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        *_AGENTS,
        *_RUNS,
        *_MONEY,
        *_budget("budget_", AGENT, Source.KEEPER),
        *_budget("team_budget_", TEAM, Source.TEAM),
        *_CALLS,
        *_LISTED,
        *_WATCHED,
        *_GATEWAY,
        *_STEPS,
    )
}
"""By name, in the order in which people read them."""
