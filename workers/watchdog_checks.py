"""What `rota doctor` says of the Watchdog: whether it watches."""

from datetime import datetime

from temporalio.client import Client

from rota.ids import format_slot
from rota.language.durations import format_duration
from schedules.fleet import Fleet
from schedules.watchdog_checks import last_check
from schedules.watchdogs import live_watchdog
from workers.checks import Check

NAME = "watchdog"


async def check_watchdog(client: Client, fleet: Fleet, now: datetime) -> list[Check]:
    """Tell when a check has ended last; nothing of a fleet that declares no Watchdog."""
    declared = fleet.file.watchdog
    if declared is None:
        return []
    live = await live_watchdog(client, fleet.name)
    if live is None:
        return [Check(NAME, False, "declared, and not applied", "'rota apply' starts it")]
    if live.paused:
        note = f" ({live.note})" if live.note else ""
        return [Check(NAME, False, f"its schedule is paused{note}", "'rota apply' resumes it")]
    check = await last_check(client, fleet.name)
    every = format_duration(declared.every)
    if check is None:
        cure = "wait for one interval; then see that a worker serves it: 'rota worker'"
        return [Check(NAME, False, f"no check has ended yet, of one every {every}", cure)]
    began = format_slot(check.began)
    if check.is_old(declared.every, now):
        cure = "see that a worker serves it: 'rota worker'"
        return [Check(NAME, False, f"the last check that ended began {began}", cure)]
    trouble = check.memory.trouble
    if trouble:
        return [Check(NAME, False, trouble[0], "'rota watchdog' says more")]
    alerts = len(check.memory.open)
    told = f"{alerts} open alerts: 'rota watchdog' lists them" if alerts else "no open alerts"
    return [Check(NAME, True, f"checked {began}, every {every}; {told}")]
