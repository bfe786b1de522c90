"""A look at a fleet that is large, in trouble and hostile: what the page for people must bear."""

from datetime import timedelta

from rota.budgets.reservations import WindowKind
from rota.metrics.listed import PARTS
from rota.metrics.readings import AccountReading, KeeperReading, LimitReading
from rota.metrics.totals import Totals
from rota.notices.spec import Occasion
from rota.runs import RunStatus
from rota.watchdog.alerts import Alert
from rota.watchdog.memory import WatchMemory
from tests.rota.keepers.desks import T0
from workers.exporter.snapshot import ScheduleLook, Snapshot, WaitingCall, Waits
from workers.gateway.fleet_page import RunRow

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202egnp.exe\u0000"
HOUR = timedelta(hours=1)


def reading(number: int) -> KeeperReading:
    """An agent with something of everything, depending on its number."""
    limit = LimitReading(
        window=WindowKind.DAY, dimension="micros", limit=5_000_000, left=5_000_000 - number * 90_000
    )
    return KeeperReading(
        team="finance",
        description=HOSTILE if number % 2 else "Matches the bank feed to the general ledger.",
        totals=Totals(last_success=T0 - HOUR, last_end=T0 - HOUR),
        account=AccountReading(spent={WindowKind.DAY: number * 10_000}, limits=(limit,)),
        open={RunStatus.RUNNING: number % 3, RunStatus.QUEUED: number % 2},
        frozen=number % 7 == 0,
        blocked=int(number % 11 == 0),
    )


def wide(many: int = 120) -> Snapshot:
    """A fleet of so many agents."""
    names = [f"agent-{number:03}" for number in range(many)]
    return Snapshot(
        at=T0,
        took=timedelta(seconds=1),
        version="0.1.0",
        agents={name: reading(number) for number, name in enumerate(names)},
        heard=many - 1,
        unheard=1,
        teams={"finance": AccountReading()},
        schedules={
            name: ScheduleLook(
                T0 + number * HOUR / 7,
                HOUR * (1 + number % 5),
                paused=number % 13 == 5,
                upcoming=tuple(
                    T0 + number * HOUR / 7 + step * HOUR * (1 + number % 5) for step in range(5)
                ),
            )
            for number, name in enumerate(names)
        },
        waits={
            name: Waits(
                approvals=1,
                calls=(WaitingCall(f"{name}-1", "a1", HOSTILE, HOSTILE, T0, T0 + HOUR),),
            )
            for name in names[:30]
        },
        watched=WatchMemory(
            checked=T0,
            alerts=tuple(
                Alert(
                    key=name,
                    kind=Occasion.MISSED,
                    agent=name,
                    since=T0,
                    opened=T0,
                    count=2,
                    reason=HOSTILE,
                    todo=f"rota explain {name}",
                )
                for name in names[:40]
            ),
        ),
        read=dict.fromkeys(PARTS, T0),
    )


RUNS = [
    RunRow(f"agent-00{n}-2026-11-22T0{n}:00:00Z", status, tone, "schedule", T0, "3m05s", reason)
    for n, (status, tone, reason) in enumerate(
        [
            ("running", "busy", ""),
            ("failed", "bad", HOSTILE),
            ("succeeded", "calm", ""),
            ("awaiting approval", "wait", ""),
        ]
    )
]
