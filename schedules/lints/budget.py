"""Budgets that are valid and still not what somebody means. Pure."""

from collections.abc import Iterator

from rota.agent_spec import AgentSpec
from rota.budgets.spec import WindowCaps
from rota.schedule.calendars import zone_of
from rota.team_spec import TeamSpec
from schedules.remarks import Remark


def agent_remarks(spec: AgentSpec) -> Iterator[Remark]:
    """Yield what is doubtful in an agent's `budget`."""
    budget = spec.budget
    yield from _zone(budget.timezone)
    yield from _day_and_month(budget)
    for key, run in (("usd", budget.run_usd), ("tokens", budget.run_tokens)):
        day: float | None = getattr(budget, f"day_{key}")
        if run is not None and day is not None and day < run:
            yield Remark(
                "warning",
                ("budget", f"day_{key}"),
                f"one run may spend more (run_{key}: {run:g}), and reserves the whole day",
            )


def team_remarks(spec: TeamSpec, members: int) -> Iterator[Remark]:
    """Yield what is doubtful in a team that has so many agents in the fleet."""
    yield from _zone(spec.budget.timezone)
    yield from _day_and_month(spec.budget)
    if not members:
        message = f"no agent of this fleet says team: {spec.name}, so it limits nothing"
        yield Remark("warning", ("name",), message)


def _zone(timezone: str | None) -> Iterator[Remark]:
    try:
        zone_of(timezone or "UTC")
    except ValueError as error:
        yield Remark("error", ("budget", "timezone"), str(error))


def _day_and_month(caps: WindowCaps) -> Iterator[Remark]:
    for key in ("usd", "tokens"):
        day: float | None = getattr(caps, f"day_{key}")
        month: float | None = getattr(caps, f"month_{key}")
        if day is not None and month is not None and month < day:
            message = f"more than month_{key}: {month:g}, so a day never comes to it"
            yield Remark("warning", ("budget", f"day_{key}"), message)
