"""From what a look has found to values of metrics. Pure but for the client library's types."""

from collections import Counter
from datetime import datetime

from rota.audit.verified import Verification
from rota.metrics.listed import MOST_ACCOUNTS, PARTS
from rota.notices.spec import WATCHED, Occasion
from rota.runtimes.breaker import Phase
from rota.watchdog.archiving import ArchiveState, waited_by
from rota.watchdog.memory import WatchMemory
from workers.exporter.keeper_filling import fill_agent, fill_team
from workers.exporter.samples import Samples
from workers.exporter.snapshot import ScheduleLook, Snapshot, Waits

OTHER = "other"
"""Accounts beyond those that are told apart."""


def filled(snapshot: Snapshot) -> Samples:
    """Return every value of `snapshot`; of a part that was never read nothing: naught would lie."""
    samples = Samples()
    for name, reading in snapshot.agents.items():
        fill_agent(samples, name, reading)
        schedule = snapshot.schedules.get(name)
        if schedule is not None:
            _schedule(samples, name, schedule)
    for team, account in snapshot.teams.items():
        fill_team(samples, team, account)
    if "waits" in snapshot.read:
        _waits(samples, snapshot)
    if "breakers" in snapshot.read:
        _breakers(samples, snapshot)
    if "watchdog" in snapshot.read:
        _watchdog(samples, snapshot)
    _gateway(samples, snapshot)
    return samples


def _waits(samples: Samples, snapshot: Snapshot) -> None:
    for agent in snapshot.agents:
        waits = snapshot.waits.get(agent, Waits())
        samples.put("rota_approvals_pending", waits.approvals, agent=agent)
        samples.put("rota_runs_parked", waits.parked, agent=agent)
        if waits.oldest is not None:
            samples.at("rota_approval_oldest_timestamp_seconds", waits.oldest, agent=agent)


def _schedule(samples: Samples, agent: str, schedule: ScheduleLook) -> None:
    following = None if schedule.paused else schedule.next
    samples.at("rota_schedule_next_timestamp_seconds", following, agent=agent)
    samples.put("rota_schedule_paused", schedule.paused, agent=agent)
    if schedule.interval is not None:
        seconds = schedule.interval.total_seconds()
        samples.put("rota_schedule_interval_seconds", seconds, agent=agent)


def _breakers(samples: Samples, snapshot: Snapshot) -> None:
    used = {kind for reading in snapshot.agents.values() for kind in reading.runtimes}
    for runtime in used | {each.runtime for each in snapshot.breakers}:
        samples.born("rota_breakers", runtime=runtime)
    known = Counter((each.runtime, each.phase) for each in snapshot.breakers)
    for (runtime, phase), count in known.items():
        samples.put("rota_breakers", count, runtime=runtime, state=phase)
    # Those that are not closed first: they are what people look for.
    told = sorted(snapshot.breakers, key=lambda each: each.phase is Phase.CLOSED)
    is_open: dict[tuple[str, str], bool] = {}
    for place, each in enumerate(told):
        whose = each.runtime, each.account if place < MOST_ACCOUNTS else OTHER
        is_open[whose] = is_open.get(whose, False) or each.phase is not Phase.CLOSED
    for (runtime, account), value in is_open.items():
        samples.put("rota_breaker_open", value, runtime=runtime, account=account)


def _watchdog(samples: Samples, snapshot: Snapshot) -> None:
    watched = snapshot.watched or WatchMemory()
    samples.at("rota_watchdog_last_check_timestamp_seconds", watched.checked)
    samples.born("rota_watchdog_alerts")
    kinds = Counter(alert.kind for alert in watched.open if alert.kind in WATCHED)
    for kind, count in kinds.items():
        samples.put("rota_watchdog_alerts", count, kind=kind)
    missed = _missed(watched)
    for agent in snapshot.agents:
        samples.put("rota_slots_missed", missed[agent], agent=agent)
    if watched.archive is not None and watched.checked is not None:
        _archive(samples, watched.archive, watched.checked)


def _archive(samples: Samples, archive: ArchiveState, checked: datetime) -> None:
    waited = waited_by(archive, checked)
    samples.put("rota_archive_lag_seconds", waited.total_seconds())
    samples.at("rota_archive_last_attempt_timestamp_seconds", archive.at)
    samples.put("rota_archive_waiting_runs", archive.left)
    samples.put("rota_archive_failing_runs", archive.failures)
    samples.put("rota_archive_trouble", bool(archive.reason or archive.problem))
    known = archive.verification or Verification()
    samples.at("rota_audit_verified_timestamp_seconds", known.at)
    samples.put("rota_audit_broken", len(known.broken))


def _missed(watched: WatchMemory) -> Counter[str]:
    missed = Counter[str]()
    for alert in watched.open:
        if alert.kind is Occasion.MISSED:
            missed[alert.agent] += alert.count
    return missed


def _gateway(samples: Samples, snapshot: Snapshot) -> None:
    for part in PARTS:
        read = snapshot.read.get(part)
        samples.at("rota_exporter_last_look_timestamp_seconds", read, part=part)
    samples.put("rota_exporter_look_duration_seconds", snapshot.took.total_seconds())
    samples.put("rota_exporter_agents", snapshot.heard, state="heard")
    samples.put("rota_exporter_agents", snapshot.unheard, state="unheard")
    samples.born("rota_exporter_failures_total")
    for part, count in snapshot.failures.items():
        samples.put("rota_exporter_failures_total", count, part=part)
    samples.born("rota_deliveries_total")
    for (door, outcome), count in snapshot.deliveries.items():
        samples.put("rota_deliveries_total", count, door=door, outcome=outcome)
    if snapshot.check_every is not None:
        samples.put("rota_watchdog_interval_seconds", snapshot.check_every.total_seconds())
    samples.put("rota_build_info", 1, version=snapshot.version)
