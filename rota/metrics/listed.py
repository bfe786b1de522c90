"""Every metric of Rota, in one closed list: name, unit, labels, meaning, and who knows it. Pure.

Whatever is exported is in here, and whatever is in here is exported; tests hold both, and the
page docs/metrics.md, to it. What the keepers tell is in `rota.metrics.of_keepers`; here is what the
server, the Watchdog, the gateway and the workers know. How long steps take is measured where they
happen, in the workers.
"""

from functools import partial

from rota.failures import FailureCategory
from rota.metrics.kinds import Label, Metric, Source, Unit, counter, gauge, histogram
from rota.metrics.of_keepers import AGENT, KEEPER_METRICS
from rota.notices.spec import WATCHED
from rota.runtimes.breaker import Phase

STEP_BOUNDS = (0.05, 0.25, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800)
"""Seconds of a step: from a look-up to the longest a model, or a tool, may take."""
MOST_ACCOUNTS = 100
"""Accounts whose breakers are told apart; the rest is `other`."""
MOST_NAMES = 200
"""Names of tools and of models that one worker tells apart; the rest is `other`."""
STEP_OUTCOMES = ("ok", "cancelled", *FailureCategory, "other")
PARTS = ("keepers", "teams", "schedules", "waits", "breakers", "watchdog")
"""What the gateway looks at, each by itself: one that fails leaves the others."""
DELIVERY_DOORS = ("hooks", "events", "callbacks")
DELIVERY_OUTCOMES = (
    *("taken", "passed", "unsigned", "malformed", "not_found"),
    *("too_large", "too_slow", "limited", "unavailable", "failed"),
)
"""How the gateway answers what is posted; `passed`: taken before, filtered, or only tried out."""

_listed = partial(gauge, source=Source.SERVER)
_watched = partial(gauge, source=Source.WATCHDOG)
_own = partial(gauge, source=Source.GATEWAY)


def _step(name: str, meaning: str, label: Label) -> Metric:
    labels = (label, Label("outcome", STEP_OUTCOMES))
    return histogram(name, STEP_BOUNDS, meaning, *labels, source=Source.WORKER)


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
    _listed(
        "breaker_open",
        Unit.FLAG,
        "No call of the account is made, or one at a time; absent if its breaker does not exist.",
        Label("runtime"),
        Label("account", most=MOST_ACCOUNTS + 1),
    ),
)

_WATCHED = (
    _watched("watchdog_last_check_timestamp_seconds", Unit.TIME, "When its newest check began."),
    _own(
        "watchdog_interval_seconds",
        Unit.SECONDS,
        "From one check to the next, as the gateway's fleet.yaml says; absent without a Watchdog.",
    ),
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
        "How long the oldest closed run waits to be archived, or how long every attempt has come "
        "to nothing; absent if nothing archives.",
    ),
    _watched(
        "archive_last_attempt_timestamp_seconds",
        Unit.TIME,
        "When closed runs were last to be put away; absent if nothing archives.",
    ),
    _watched(
        "archive_waiting_runs",
        Unit.COUNT,
        "Closed runs that the last attempt left to the next; absent if nothing archives.",
    ),
    _watched(
        "archive_failing_runs",
        Unit.COUNT,
        "Closed runs that it could not put away; absent if nothing archives.",
    ),
    _watched(
        "archive_trouble",
        Unit.FLAG,
        "It came to nothing, or not to all: a checkpoint failed, say, or runs were forgotten "
        "before; absent if nothing archives.",
    ),
    _watched(
        "audit_verified_timestamp_seconds",
        Unit.TIME,
        "When a part of the archive was last verified; absent if nothing archives.",
    ),
    _watched(
        "audit_broken",
        Unit.COUNT,
        "Archived runs and checkpoints that do not verify, 20 at most; absent if nothing archives.",
    ),
)

_GATEWAY = (
    _own(
        "exporter_last_look_timestamp_seconds",
        Unit.TIME,
        "When a part of the fleet was last read: so old are its values in this scrape.",
        Label("part", PARTS),
    ),
    _own("exporter_look_duration_seconds", Unit.SECONDS, "How long the last look took."),
    _own(
        "exporter_agents",
        Unit.COUNT,
        "Agents and pipelines by whether their keepers answered; of the others what they last "
        "said is told.",
        Label("state", ("heard", "unheard")),
    ),
    counter(
        "exporter_failures_total",
        Unit.COUNT,
        "Looks at a part that came to nothing.",
        Label("part", PARTS),
        source=Source.GATEWAY,
    ),
    counter(
        "deliveries_total",
        Unit.COUNT,
        "What was posted to this gateway since it started, by how it was answered.",
        Label("door", DELIVERY_DOORS),
        Label("outcome", DELIVERY_OUTCOMES),
        source=Source.GATEWAY,
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
    metric.name: metric for metric in (*KEEPER_METRICS, *_LISTED, *_WATCHED, *_GATEWAY, *_STEPS)
}
"""By name, in the order in which people read them."""
