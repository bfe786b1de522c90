"""Metrics that the keepers tell: an agent's runs, money and calls, and its team's account. Pure.

Totals come from here alone, where a run's end counts once, however often it is told.
"""

from functools import partial

from rota.budgets.reservations import WindowKind
from rota.metrics.kinds import Label, Metric, Source, Unit, counter, gauge, histogram
from rota.metrics.run_tally import MOST_CALLED, ApprovalEnd, CallDecision, EffectResult, HandoffEnd
from rota.metrics.spread import DELAY_BOUNDS, RUN_BOUNDS, WAIT_BOUNDS
from rota.metrics.totals import MOST_MODELS
from rota.runs import RunStatus, Trigger

AGENT = Label("agent")
_TEAM = Label("team")
_WINDOW = Label("window", tuple(WindowKind))
_MODEL = Label("model", most=MOST_MODELS + 2)
"""Two more: `other` and `unknown`."""
_OUTCOMES = tuple(status for status in RunStatus if status.closed)

_counter = partial(counter, source=Source.KEEPER)
_gauge = partial(gauge, source=Source.KEEPER)


def _spread(name: str, bounds: tuple[float, ...], meaning: str) -> Metric:
    return histogram(name, bounds, meaning, AGENT, source=Source.KEEPER)


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
        Label("outcome", _OUTCOMES),
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
        _MODEL,
        Label("type", ("input", "output", "cache_read", "cache_write")),
    ),
    _counter(
        "cost_dollars_total",
        Unit.DOLLARS,
        "What is known to be spent, by the model that answered.",
        AGENT,
        _MODEL,
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
    def told(name: str, unit: Unit, meaning: str, *more: Label) -> Metric:
        return gauge(prefix + name, unit, meaning, whose, *more, source=source)

    limit = "What the window's limit is, raises included; absent without one."
    left = "What may still be reserved of that; below nothing once it is overrun."
    return (
        told("spent_dollars", Unit.DOLLARS, "Spent in the window that runs now.", _WINDOW),
        told("window_end_timestamp_seconds", Unit.TIME, "When that window ends.", _WINDOW),
        told("limit_dollars", Unit.DOLLARS, limit, _WINDOW),
        told("left_dollars", Unit.DOLLARS, left, _WINDOW),
        told("limit_tokens", Unit.TOKENS, limit, _WINDOW),
        told("left_tokens", Unit.TOKENS, left, _WINDOW),
        told("waiting_runs", Unit.COUNT, "Runs that were refused, and wait for room."),
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

KEEPER_METRICS = (
    *_AGENTS,
    *_RUNS,
    *_MONEY,
    *_budget("budget_", AGENT, Source.KEEPER),
    *_budget("team_budget_", _TEAM, Source.TEAM),
    *_CALLS,
)
