"""Looks with something in every part, for the tests of what is made of them."""

from datetime import timedelta

from rota.audit.verified import BrokenPlace, Place, Verification, What
from rota.budgets.model_use import ModelUse
from rota.budgets.reservations import WindowKind
from rota.metrics.listed import PARTS
from rota.metrics.readings import AccountReading, KeeperReading, LimitReading
from rota.metrics.run_tally import ApprovalEnd, CallDecision, EffectResult, HandoffEnd, RunTally
from rota.metrics.spread import DELAY_BOUNDS, RUN_BOUNDS, WAIT_BOUNDS, Spread
from rota.metrics.totals import Totals
from rota.notices.spec import Occasion
from rota.runs import RunStatus, Trigger
from rota.runtimes.breaker import Phase
from rota.watchdog.alerts import Alert
from rota.watchdog.archiving import ArchiveState
from rota.watchdog.memory import WatchMemory
from tests.rota.keepers.desks import T0
from workers.exporter.snapshot import BreakerLook, ScheduleLook, Snapshot, Waits

MINUTE = timedelta(minutes=1)

ACCOUNT = AccountReading(
    spent={WindowKind.DAY: 1_250_000, WindowKind.MONTH: 9_000_000},
    ends={WindowKind.DAY: T0 + 60 * MINUTE, WindowKind.MONTH: T0 + 600 * MINUTE},
    limits=(
        LimitReading(window=WindowKind.DAY, dimension="micros", limit=5_000_000, left=3_750_000),
        LimitReading(window=WindowKind.MONTH, dimension="tokens", limit=1000, left=-5),
    ),
    waiting=1,
)

TOTALS = Totals(
    runs={RunStatus.SUCCEEDED: {Trigger.SCHEDULE: 3}, RunStatus.FAILED: {Trigger.MANUAL: 1}},
    durations=Spread().after(MINUTE, RUN_BOUNDS).after(40 * MINUTE, RUN_BOUNDS),
    delays=Spread().after(MINUTE, DELAY_BOUNDS),
    models={
        "claude": ModelUse(
            micros=2_500_000,
            tokens=15,
            input_tokens=1,
            output_tokens=2,
            cache_read_tokens=4,
            cache_write_tokens=8,
        )
    },
    unknown_attempts=2,
    unknown_micros=500_000,
    unpriced_runs=1,
    tally=RunTally(
        calls={CallDecision.ALLOWED: 4, CallDecision.DENIED: 1},
        effects={EffectResult.FIRST: 2},
        handoffs={"settlement": {HandoffEnd.DONE: 1}},
        approvals={ApprovalEnd.DENIED: 1},
        waits=Spread().after(MINUTE, WAIT_BOUNDS),
    ),
    passed=2,
    last_success=T0,
    last_end=T0 + MINUTE,
)

READING = KeeperReading(
    team="finance",
    runtime="anthropic",
    model="claude",
    runtimes=("anthropic", "bedrock"),
    totals=TOTALS,
    account=ACCOUNT,
    open={RunStatus.RUNNING: 1},
    oldest_open=T0,
    unknown_effects=1,
    frozen=True,
    blocked=1,
)

WATCHED_NOW = WatchMemory(
    checked=T0,
    alerts=tuple(
        Alert(key=kind, kind=kind, agent="report", since=T0, opened=T0, count=2)
        for kind in (Occasion.MISSED, Occasion.LATE)
    ),
    archive=ArchiveState(
        at=T0,
        lag_seconds=90,
        left=3,
        failures=2,
        problem="no checkpoint",
        verification=Verification(
            at=T0,
            broken=(BrokenPlace(place=Place(what=What.RUN, agent="a"), reason="gone", since=T0),),
        ),
    ),
)

FULL = Snapshot(
    at=T0,
    took=timedelta(seconds=2),
    version="0.1.0",
    agents={"report": READING},
    heard=1,
    teams={"finance": ACCOUNT},
    schedules={"report": ScheduleLook(T0, MINUTE, paused=False)},
    waits={"report": Waits(approvals=2, oldest=T0, parked=1)},
    read=dict.fromkeys(PARTS, T0),
    check_every=MINUTE,
    breakers=(
        BreakerLook("anthropic", "env:A", Phase.OPEN),
        BreakerLook("anthropic", "env:B", Phase.OPEN),
        BreakerLook("cursor", "env:C", Phase.HALF_OPEN),
        BreakerLook("cursor", "env:D", Phase.CLOSED),
    ),
    watched=WATCHED_NOW,
    failures={"breakers": 3},
)
