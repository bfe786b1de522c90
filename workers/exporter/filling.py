"""From what a look has found to values of metrics. Pure but for the client library's types."""

from collections import Counter

from rota.breaker import Phase
from rota.model_use import ModelUse
from rota.notify_spec import WATCHED, Occasion
from rota.readings import AccountReading, KeeperReading
from rota.watchdog.memory import WatchMemory
from workers.exporter.samples import Samples
from workers.exporter.snapshot import ScheduleLook, Snapshot, Waits

_MILLION = 1_000_000
_BY_AGENT = (
    "rota_runs_total",
    "rota_runs_open",
    "rota_slots_passed_total",
    "rota_unpriced_runs_total",
    "rota_unknown_attempts_total",
    "rota_unknown_cost_dollars_total",
    "rota_tool_calls_total",
    "rota_effects_total",
    "rota_approvals_total",
    "rota_budget_spent_dollars",
)


def filled(snapshot: Snapshot) -> Samples:
    """Return every value of `snapshot`."""
    samples = Samples()
    missed = _missed(snapshot.watched)
    for name, reading in snapshot.agents.items():
        _agent(samples, name, reading)
        _waiting(samples, name, snapshot.waits.get(name, Waits()))
        samples.put("rota_slots_missed", missed.get(name, 0), agent=name)
        schedule = snapshot.schedules.get(name)
        if schedule is not None:
            _schedule(samples, name, schedule)
    for team, account in snapshot.teams.items():
        samples.born("rota_team_budget_spent_dollars", team=team)
        _account(samples, "rota_team_budget_", account, team=team)
    _breakers(samples, snapshot)
    _watchdog(samples, snapshot.watched)
    _gateway(samples, snapshot)
    return samples


def _agent(samples: Samples, agent: str, reading: KeeperReading) -> None:
    for name in _BY_AGENT:
        samples.born(name, agent=agent)
    samples.put(
        "rota_agent_info",
        1,
        agent=agent,
        kind=reading.kind,
        team=reading.team,
        runtime=reading.runtime,
        model=reading.model,
    )
    samples.put("rota_agent_frozen", reading.frozen, agent=agent)
    samples.put("rota_agent_blocked", reading.blocked, agent=agent)
    samples.put("rota_effects_unknown", reading.unknown_effects, agent=agent)
    for status, count in reading.open.items():
        samples.put("rota_runs_open", count, agent=agent, state=status)
    if reading.oldest_open is not None:
        samples.at("rota_run_oldest_open_timestamp_seconds", reading.oldest_open, agent=agent)
    _account(samples, "rota_budget_", reading.account, agent=agent)
    _totals(samples, agent, reading)
    _tally(samples, agent, reading)


def _totals(samples: Samples, agent: str, reading: KeeperReading) -> None:
    totals = reading.totals
    for status, triggers in totals.runs.items():
        for trigger, count in triggers.items():
            samples.put("rota_runs_total", count, agent=agent, outcome=status, trigger=trigger)
    samples.spread("rota_run_duration_seconds", totals.durations, agent=agent)
    samples.spread("rota_run_start_delay_seconds", totals.delays, agent=agent)
    samples.at("rota_last_success_timestamp_seconds", totals.last_success, agent=agent)
    samples.at("rota_last_end_timestamp_seconds", totals.last_end, agent=agent)
    samples.put("rota_slots_passed_total", totals.passed, agent=agent)
    samples.put("rota_unpriced_runs_total", totals.unpriced_runs, agent=agent)
    samples.put("rota_unknown_attempts_total", totals.unknown_attempts, agent=agent)
    unknown = totals.unknown_micros / _MILLION
    samples.put("rota_unknown_cost_dollars_total", unknown, agent=agent)
    # The declared model is there before it has answered.
    expected = {reading.model: ModelUse()} if reading.model else {}
    for model, use in (expected | totals.models).items():
        samples.put("rota_cost_dollars_total", use.micros / _MILLION, agent=agent, model=model)
        tokens = {
            "input": use.input_tokens,
            "output": use.output_tokens,
            "cache_read": use.cache_read_tokens,
            "cache_write": use.cache_write_tokens,
        }
        for kind, count in tokens.items():
            samples.put("rota_tokens_total", count, agent=agent, model=model, type=kind)


def _tally(samples: Samples, agent: str, reading: KeeperReading) -> None:
    tally = reading.totals.tally
    for decision, count in tally.calls.items():
        samples.put("rota_tool_calls_total", count, agent=agent, decision=decision)
    for result, count in tally.effects.items():
        samples.put("rota_effects_total", count, agent=agent, result=result)
    for called, ends in tally.handoffs.items():
        samples.born("rota_handoffs_total", agent=agent, called=called)
        for outcome, count in ends.items():
            samples.put("rota_handoffs_total", count, agent=agent, called=called, outcome=outcome)
    for outcome, count in tally.approvals.items():
        samples.put("rota_approvals_total", count, agent=agent, outcome=outcome)
    samples.spread("rota_approval_wait_seconds", tally.waits, agent=agent)


def _account(samples: Samples, prefix: str, account: AccountReading, **whose: str) -> None:
    for window, micros in account.spent.items():
        samples.put(f"{prefix}spent_dollars", micros / _MILLION, window=window, **whose)
    for each in account.limits:
        unit, scale = ("dollars", _MILLION) if each.dimension == "micros" else ("tokens", 1)
        samples.put(f"{prefix}limit_{unit}", each.limit / scale, window=each.window, **whose)
        samples.put(f"{prefix}left_{unit}", each.left / scale, window=each.window, **whose)
    samples.put(f"{prefix}waiting_runs", account.waiting, **whose)


def _waiting(samples: Samples, agent: str, waits: Waits) -> None:
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
    known: Counter[tuple[str, Phase]] = Counter(snapshot.breakers)
    for runtime in used | {runtime for runtime, _ in known}:
        samples.born("rota_breakers", runtime=runtime)
    for (runtime, phase), count in known.items():
        samples.put("rota_breakers", count, runtime=runtime, state=phase)


def _watchdog(samples: Samples, watched: WatchMemory | None) -> None:
    samples.at("rota_watchdog_last_check_timestamp_seconds", watched and watched.checked)
    samples.born("rota_watchdog_alerts")
    if watched is None:
        return
    kinds = Counter(alert.kind for alert in watched.open if alert.kind in WATCHED)
    for kind, count in kinds.items():
        samples.put("rota_watchdog_alerts", count, kind=kind)
    if watched.archive is not None:
        samples.put("rota_archive_lag_seconds", watched.archive.lag_seconds)


def _missed(watched: WatchMemory | None) -> Counter[str]:
    missed = Counter[str]()
    for alert in watched.open if watched else ():
        if alert.kind is Occasion.MISSED:
            missed[alert.agent] += alert.count
    return missed


def _gateway(samples: Samples, snapshot: Snapshot) -> None:
    samples.at("rota_exporter_last_look_timestamp_seconds", snapshot.at)
    samples.put("rota_exporter_look_duration_seconds", snapshot.took.total_seconds())
    samples.put("rota_exporter_agents", snapshot.heard, state="heard")
    samples.put("rota_exporter_agents", snapshot.unheard, state="unheard")
    samples.born("rota_exporter_failures_total")
    for part, count in snapshot.failures.items():
        samples.put("rota_exporter_failures_total", count, part=part)
    samples.put("rota_build_info", 1, version=snapshot.version)
