"""From what keepers and the accounts of teams have told to values of metrics.

Pure but for the client library's types.
"""

from rota.budgets.model_use import ModelUse
from rota.metrics.readings import AccountReading, KeeperReading
from workers.exporter.samples import Samples

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


def fill_agent(samples: Samples, agent: str, reading: KeeperReading) -> None:
    """Put what the keeper of an agent, or pipeline, has told."""
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


def fill_team(samples: Samples, team: str, account: AccountReading) -> None:
    """Put what a team's account has told."""
    samples.born("rota_team_budget_spent_dollars", team=team)
    _account(samples, "rota_team_budget_", account, team=team)


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
    for window, end in account.ends.items():
        samples.at(f"{prefix}window_end_timestamp_seconds", end, window=window, **whose)
    for each in account.limits:
        unit, scale = ("dollars", _MILLION) if each.dimension == "micros" else ("tokens", 1)
        samples.put(f"{prefix}limit_{unit}", each.limit / scale, window=each.window, **whose)
        samples.put(f"{prefix}left_{unit}", each.left / scale, window=each.window, **whose)
    samples.put(f"{prefix}waiting_runs", account.waiting, **whose)
