"""`notify` in the files: read, carried to keepers, and every mistake told with its place."""

from pathlib import Path

import pytest

from rota.agent_spec import AgentSpec
from rota.notices.spec import WAITING_FOR_PEOPLE, Occasion
from rota.pinned_spec import PinnedSpec
from schedules.fleet import load_fleet
from tests.schedules.fleet_folder import AGENT, findings, problems_of, write

PIPELINE = "kind: Pipeline\nname: night\nnodes: {a: {agent: x}}\n"


def declare(folder: Path, notify: str) -> AgentSpec:
    """Write the agent with a `notify` block, and read it."""
    write(folder, "agents/x.yaml", AGENT + notify)
    return load_fleet(folder).agents["x"].spec


def test_entry_without_on_tells_of_what_needs_a_person(tmp_path: Path) -> None:
    """Failures and waits, and neither success nor what somebody did on purpose."""
    spec = declare(tmp_path, "notify: [{slack: env:HOOK}]\n")
    assert spec.notify is not None
    (entry,) = spec.notify
    told = {occasion for occasion in Occasion if entry.wants(occasion)}
    ends = {Occasion.FAILED, Occasion.TIMED_OUT, Occasion.BLOCKED}
    assert told == {*WAITING_FOR_PEOPLE, *ends}
    assert PinnedSpec.of(spec).notify == spec.notify


def test_failed_tells_of_runs_that_ran_out_of_time_and_not_the_other_way_round(
    tmp_path: Path,
) -> None:
    """Whoever wants to hear of failures means those, too."""
    text = "notify: [{on: [failed], slack: env:A}, {on: [timed_out], slack: env:B}]\n"
    entries = declare(tmp_path, text).notify
    assert entries
    failed, late = entries
    assert failed.wants(Occasion.TIMED_OUT)
    assert not late.wants(Occasion.FAILED)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{on: [failed]}", "notify[0]: tells nobody; add slack, webhook or email"),
        ("{on: [faild], slack: env:A}", "notify[0].on[0]: 'faild' is none of failed, "),
        ("{on: [], slack: env:A}", "notify[0].on: must not be empty"),
        ("{slack: 'https://hooks.example/T0/hidden'}", "notify[0].slack: write a reference"),
        ("{email: [nobody]}", "notify[0].email[0]: 'nobody' is not an address"),
        ("{webhook: {url: 'https://h/x'}}", "notify[0].webhook.secret: missing"),
        ("{webhook: {url: 'ftp://h/hidden', secret: env:A}}", "notify[0].webhook.url: write a URL"),
        ("{webhook: {url: 'https://h/x', secret: hidden}}", "notify[0].webhook.secret"),
        ("{slak: env:A}", "notify[0].slak: unknown key 'slak'; did you mean 'slack'?"),
    ],
)
def test_mistake_in_an_entry_is_told_with_line_and_key(
    tmp_path: Path, entry: str, said: str
) -> None:
    """What was written in the wrong place may be a secret: it is not shown."""
    told = "\n".join(problems_of(tmp_path, f"{AGENT}notify:\n  - {entry}\n"))
    line = len(AGENT.splitlines()) + 2
    assert said in told
    assert f"agents/x.yaml:{line}: " in told
    assert "hidden" not in told


def test_mail_without_a_server_is_an_error_of_agents_and_pipelines(tmp_path: Path) -> None:
    """Told before anything has to be told."""
    entry = "notify: [{email: [team@example.com]}]\n"
    declare(tmp_path, entry)
    write(tmp_path, "pipelines/night.yaml", PIPELINE + entry)
    assert findings(tmp_path) == [
        f"agents/x.yaml:{len(AGENT.splitlines()) + 1}: error: notify[0].email: 'notify.email' "
        "needs email in fleet.yaml; add email: {host: …, from: …}",
        "pipelines/night.yaml:4: error: notify[0].email: 'notify.email' needs email in "
        "fleet.yaml; add email: {host: …, from: …}",
    ]
    write(tmp_path, "fleet.yaml", "email: {host: mail.example.com, from: rota@example.com}\n")
    assert findings(tmp_path) == []


def test_team_names_whom_its_agents_and_pipelines_tell_unless_they_do_so_themselves(
    tmp_path: Path,
) -> None:
    """Said once for all of them; `[]` tells nobody."""
    write(tmp_path, "teams/t.yaml", "kind: Team\nname: t\nnotify: [{slack: env:TEAM}]\n")
    own = {"a": "", "b": "notify: []\n", "c": "notify: [{slack: env:OWN}]\n", "d": ""}
    for name, text in own.items():
        team = "team: other\n" if name == "d" else "team: t\n"
        agent = AGENT.replace("name: x", f"name: {name}")
        write(tmp_path, f"agents/{name}.yaml", agent + team + text)
    night = PIPELINE.replace("agent: x", "agent: a") + "team: t\n"
    write(tmp_path, "pipelines/night.yaml", night)
    specs = {name: each.spec for name, each in load_fleet(tmp_path).declarations.items()}
    told = {name: [e.slack for e in PinnedSpec.of(spec).notify] for name, spec in specs.items()}
    assert told == {"a": ["env:TEAM"], "b": [], "c": ["env:OWN"], "d": [], "night": ["env:TEAM"]}


def test_mistake_in_a_teams_notify_is_told_at_the_team_alone(tmp_path: Path) -> None:
    """Not once more for each of its agents, whose files are right."""
    team = "kind: Team\nname: t\nnotify:\n  - {email: [a@example.com]}\n"
    write(tmp_path, "teams/t.yaml", team)
    write(tmp_path, "agents/x.yaml", AGENT + "team: t\n")
    (found,) = findings(tmp_path)
    assert found.startswith("teams/t.yaml:4: error: notify[0].email: ")


def test_occasion_named_twice_is_a_warning(tmp_path: Path) -> None:
    """Something else was meant."""
    declare(tmp_path, "notify: [{on: [failed, parked, failed], slack: env:A}]\n")
    (found,) = findings(tmp_path)
    assert found.endswith("warning: notify[0].on: failed is named twice; once is enough")


def test_escalation_is_held_to_what_notify_is_held_to(tmp_path: Path) -> None:
    """Nobody finds out in the night in which nobody has decided."""
    write(
        tmp_path,
        "agents/x.yaml",
        f"{AGENT}tools: [memory.update]\napprovals:\n  memory.update:\n    escalate:\n"
        "      after: 1h\n      notify:\n        - {email: [boss@example.com]}\n"
        "        - {on: [failed], slack: env:A}\n        - {slack: env:B}\n",
    )
    place, line = "approvals.memory.update.escalate.notify", len(AGENT.splitlines()) + 7
    assert findings(tmp_path) == [
        f"agents/x.yaml:{line}: error: {place}[0].email: 'notify.email' needs email in "
        "fleet.yaml; add email: {host: …, from: …}",
        f"agents/x.yaml:{line + 1}: error: {place}[1].on: tells nobody: an escalation is told as "
        "awaiting_approval; add that, or leave on out",
    ]
