"""Teams in files: read, filled into their agents, and what is doubtful about budgets."""

from pathlib import Path

import pytest

from schedules.fleet import load_fleet
from tests.schedules.fleet_folder import AGENT, findings, problems, write

TEAM = "kind: Team\nname: finance\nbudget: {day_usd: 20}\n"
MEMBER = AGENT + "team: finance\n"


def test_team_tells_its_agents_that_there_is_a_budget(folder: Path) -> None:
    """So their declarations change with it, and the plan shows it."""
    write(folder, "agents/x.yaml", MEMBER)
    before = load_fleet(folder).agents
    write(folder, "teams/finance.yaml", TEAM)
    after = load_fleet(folder)
    assert list(after.teams) == ["finance"]
    assert [agent.spec.team_budget for agent in after.agents.values()] == [False, True]
    assert before["x"].spec.digest != after.agents["x"].spec.digest
    assert before["report"].spec.digest == after.agents["report"].spec.digest


@pytest.mark.parametrize(("budget", "usd"), [("{day_usd: 20}", True), ("{day_tokens: 9}", False)])
def test_team_tells_its_agents_whether_it_counts_dollars(
    folder: Path, budget: str, usd: bool
) -> None:
    """Under such a limit nothing may run that has no price."""
    write(folder, "agents/x.yaml", MEMBER)
    write(folder, "teams/finance.yaml", f"kind: Team\nname: finance\nbudget: {budget}\n")
    assert load_fleet(folder).agents["x"].spec.team_usd is usd


def test_team_without_a_limit_costs_its_agents_nothing(folder: Path) -> None:
    """Where there is nothing to ask, nobody is asked."""
    write(folder, "agents/x.yaml", MEMBER)
    write(folder, "teams/finance.yaml", "kind: Team\nname: finance\n")
    assert not load_fleet(folder).agents["x"].spec.team_budget


def test_team_may_have_the_name_of_its_agent(folder: Path) -> None:
    """Nobody starts a team, so nothing is mixed up."""
    write(folder, "agents/x.yaml", AGENT + "team: x\n---\nkind: Team\nname: x\n")
    loaded = load_fleet(folder)
    assert (list(loaded.agents), list(loaded.teams)) == (["report", "x"], ["x"])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (TEAM + "---\n" + TEAM, "name: 'finance' is declared in teams/x.yaml:2 already"),
        ("kind: Team\nname: A\n", "name: 'A' is not a name"),
        ("kind: Team\nname: a\nbudget: {run_usd: 1}\n", "budget.run_usd: unknown key 'run_usd'"),
        ("kind: Team\nname: a\nbudget: {day_usd: 0}\n", "budget.day_usd: "),
        ("kind: Team\nname: a\nbudget: {soft: {at: 1}}\n", "budget.soft.at: "),
        (AGENT + "team_budget: true\n", "team_budget: filled in by Rota; remove it and declare"),
    ],
)
def test_team_with_a_mistake_is_told_where_and_what(folder: Path, text: str, problem: str) -> None:
    """Each problem is one line with file, line and key."""
    write(folder, "teams/x.yaml", text)
    (line,) = problems(folder)
    assert problem in line


@pytest.mark.parametrize(
    ("budget", "finding"),
    [
        ("{timezone: Europe/Berln}", "error: budget.timezone: 'Europe/Berln' is not a time zone"),
        ("{day_usd: 9, month_usd: 8}", "warning: budget.day_usd: more than month_usd: 8"),
        ("{day_tokens: 9, month_tokens: 8}", "warning: budget.day_tokens: more than month_tokens"),
    ],
)
def test_budget_that_cannot_be_meant_is_told_of_agents_and_teams(
    folder: Path, budget: str, finding: str
) -> None:
    """The same keys, so the same words."""
    write(folder, "agents/x.yaml", MEMBER + f"budget: {budget}\n")
    write(folder, "teams/x.yaml", f"kind: Team\nname: finance\nbudget: {budget}\n")
    found = [line for line in findings(folder) if finding in line]
    assert [line.split(":")[0] for line in found] == ["agents/x.yaml", "teams/x.yaml"]


def test_day_that_one_run_may_use_up_is_told(folder: Path) -> None:
    """A run reserves its own limit: with a smaller day there is never a second one."""
    write(folder, "agents/x.yaml", AGENT + "budget: {day_usd: 1, run_usd: 2.5}\n")
    assert any("one run may spend more (run_usd: 2.5)" in line for line in findings(folder))


def test_team_of_nobody_is_told(folder: Path) -> None:
    """Most likely its name is written wrongly."""
    write(folder, "teams/x.yaml", TEAM)
    assert any("no agent of this fleet says team: finance" in line for line in findings(folder))
