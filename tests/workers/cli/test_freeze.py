"""`rota freeze` and `rota thaw`: what they say, whom they mean, and what apply makes of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.ids import format_slot
from tests.workers.cli.command_line import rota
from tests.workers.cli.conftest import FleetOnServer
from tests.workflows.gates import poll
from workers.cli.exit_codes import ExitCode

OTHER = """
name: {name}
team: {team}
runtime: {{kind: scripted, turns: [{{result: done}}]}}
"""


def team_of(fleet: FleetOnServer) -> str:
    """A team that no other test has."""
    return fleet.stack.name("team")


@pytest.fixture
async def daily(served: FleetOnServer) -> FleetOnServer:
    """The fleet with a team and a slot every day at six, applied."""
    text = served.file.read_text()
    served.file.write_text(f"team: {team_of(served)}\n" + text.lstrip("-\n"))
    served.change('"0 8 * * MON-FRI"', '"0 6 * * *"')
    ended = await served.rota("apply")
    assert ended.code == ExitCode.OK, ended.err
    await served.listed(team=team_of(served))
    return served


def past_slots(count: int) -> list[datetime]:
    """The newest slots of the fleet's agent, which has one every day at 6 in UTC."""
    today = datetime.now(UTC).replace(hour=6, minute=0, second=0, microsecond=0)
    newest = today if today <= datetime.now(UTC) else today - timedelta(days=1)
    return [newest - timedelta(days=number) for number in reversed(range(count))]


async def skipped(fleet: FleetOnServer, slot: datetime) -> str:
    """A scheduled run of a slot, as the server would have started it."""
    run_id = f"{fleet.agent}-{slot:%Y%m%dT%H%M%S}"
    result = await fleet.stack.run(fleet.agent, run_id, slot=slot.isoformat(), trigger="schedule")
    return result.reason


async def listed(fleet: FleetOnServer) -> dict[str, Any] | None:
    """What `rota freeze --list` has of the fleet's agent; None if it is not in it."""
    ended = await fleet.rota("freeze", "--list", "--json")
    return next((each for each in ended.json if each["agent"] == fleet.agent), None)


async def test_frozen_team_loses_slots_that_thaw_lists_with_the_backfill_to_type(
    daily: FleetOnServer,
) -> None:
    """From the freeze to the command that makes up for it: everything is told where it is read."""
    fleet, team = daily, team_of(daily)
    frozen = await fleet.rota("freeze", "--team", team, "--reason", "quarter end", "--by", "ann")
    assert frozen.code == ExitCode.OK, frozen.err
    assert f"{fleet.agent} is frozen by ann: quarter end, until somebody thaws it" in frozen.out
    slots = past_slots(2)
    assert {await skipped(fleet, slot) for slot in slots} == {"frozen by ann: quarter end"}
    explained = await fleet.rota("explain", fleet.agent, format_slot(slots[0]))
    assert "was skipped: frozen by ann: quarter end" in explained.out
    assert f"'rota backfill {fleet.agent} --from" in explained.out
    thawed = await fleet.rota("thaw", "--team", team, "--json", "--by", "bob")
    (agent,) = thawed.json
    assert (agent["before"]["reason"], agent["freeze"]) == ("quarter end", None)
    assert agent["lost"] == [format_slot(slot) for slot in slots]
    backfill = agent["backfill"].split()[1:]
    filled = await fleet.rota(*backfill, "--json")
    assert filled.code == ExitCode.OK, filled.err
    assert filled.json["backfill"]["succeeded"] == 2
    again = await fleet.rota("thaw", fleet.agent, "--json")
    assert (again.json[0]["before"], again.json[0]["lost"]) == (None, [])


@pytest.mark.parametrize("paused", [True, False])
async def test_thaw_leaves_the_schedule_as_it_was_before_the_freeze(
    daily: FleetOnServer, paused: bool
) -> None:
    """A freeze never touches it: what was paused stays paused, and nothing drifts."""
    if paused:
        assert (await daily.rota("pause", daily.agent, "--note", "feed is down")).code == 0
    drifted = (await daily.rota("drift", "--json")).json
    schedule = daily.stack.client.get_schedule_handle(daily.agent)
    before = (await schedule.describe()).schedule
    await daily.rota("freeze", daily.agent, "--reason", "leak")
    frozen = (await schedule.describe()).schedule
    drift_frozen = (await daily.rota("drift", "--json")).json
    await daily.rota("thaw", daily.agent)
    thawed = (await schedule.describe()).schedule
    assert before.state == frozen.state == thawed.state
    assert (thawed.state.paused, drift_frozen) == (paused, drifted)


async def test_freeze_list_shows_who_froze_what_until_when(daily: FleetOnServer) -> None:
    """Without a worker to ask: it is read from the server's lists."""
    end = datetime.now(UTC) + timedelta(hours=4)
    until = ("--until", end.strftime("%Y-%m-%dT%H:%M:%S+00:00"))
    await daily.rota("freeze", daily.agent, "--reason", "audit", "--by", "ann", *until)
    shown = await poll(lambda: listed(daily))
    assert (shown["freeze"]["by"], shown["team"]) == ("ann", team_of(daily))
    assert shown["freeze"]["until"] == end.strftime("%Y-%m-%dT%H:%M:%SZ")
    table = await daily.rota("freeze", "--list")
    assert format_slot(end.replace(microsecond=0)) in table.out
    explained = await daily.rota("explain", daily.agent, "2199-11-22T06:00:00Z")
    assert f"is frozen by ann: audit, until {format_slot(end)}" in explained.out


async def test_new_agent_of_a_frozen_team_begins_frozen_and_apply_says_so(
    daily: FleetOnServer,
) -> None:
    """Not to be mistaken for one that may start; thawed with its team, it runs."""
    fleet, team = daily, team_of(daily)
    await fleet.rota("freeze", "--team", team, "--reason", "leak", "--by", "ann")
    await poll(lambda: listed(fleet))
    new = fleet.stack.name("new")
    (fleet.folder / "agents" / "new.yaml").write_text(OTHER.format(name=new, team=team))
    plan = await fleet.rota("plan")
    applied = await fleet.rota("apply")
    told = "it begins frozen, as its team is, by ann: leak"
    assert f"note: {told}" in plan.out
    assert f"{new}: {told}" in applied.err
    refused = await fleet.stack.run(new, f"{new}-1")
    await fleet.listed(new, team)
    thawed = await fleet.rota("thaw", "--team", team, "--json")
    done = await fleet.stack.run(new, f"{new}-2")
    assert refused.reason == "frozen by ann: leak"
    assert {each["agent"] for each in thawed.json} == {fleet.agent, new}
    assert done.status == "succeeded"
    other = await fleet.rota("apply")
    assert "no change" in other.out


async def test_new_agent_beside_a_single_frozen_one_is_not_frozen(daily: FleetOnServer) -> None:
    """Only what was frozen as a team, or with everything, is handed on."""
    fleet = daily
    await fleet.rota("freeze", fleet.agent, "--reason", "leak", "--by", "ann")
    await poll(lambda: listed(fleet))
    new = fleet.stack.name("new")
    file = fleet.folder / "agents" / "new.yaml"
    file.write_text(OTHER.format(name=new, team=team_of(fleet)))
    applied = await fleet.rota("apply")
    assert "begins frozen" not in applied.err
    assert (await fleet.stack.run(new, f"{new}-1")).status == "succeeded"


async def test_freeze_with_cancel_ends_the_runs_at_work(daily: FleetOnServer) -> None:
    """And waits until they have ended."""
    daily.change("say: I count the words first.", "say: I count.\n      seconds: 60")
    assert (await daily.rota("apply")).code == ExitCode.OK
    run_id = (await daily.rota("run", daily.agent, "--no-wait")).out.strip()

    async def at_work() -> bool | None:
        runs = (await daily.rota("runs", daily.agent, "--status", "running", "--json")).json
        return bool(runs) or None

    await poll(at_work)
    ended = await daily.rota(
        "freeze", daily.agent, "--reason", "wrong prompt", "--cancel", "--json"
    )
    assert ended.code == ExitCode.OK, ended.err
    assert ended.json["confirmed"] is True
    assert ended.json["runs"] == {"asked": 1, "open": []}
    shown = await daily.rota("show", run_id, "--json")
    assert shown.json["status"] == "cancelled"


WRONG = {
    "no reason": (["freeze", "report"], "say why: --reason TEXT"),
    "nobody named": (["freeze", "--reason", "x"], "name agents, or a --team, or --all"),
    "two ways": (["thaw", "report", "--all"], "name agents, or a --team, or --all"),
    "no time": (["freeze", "report", "--reason", "x", "--until", "soon"], "--until: "),
    "no time of this age": (
        ["freeze", "report", "--reason", "x", "--until", "2999-01-01T00:00:00Z"],
        "--until: '2999-01-01T00:00:00Z' is not before 2200",
    ),
    "a past time": (
        ["freeze", "AGENT", "--reason", "x", "--until", "2020-01-01T00:00:00Z"],
        "it would have ended at 2020-01-01T00:00:00Z",
    ),
    "all, not said": (["stop"], "say --all"),
}


@pytest.mark.parametrize(("arguments", "told"), WRONG.values(), ids=WRONG)
async def test_freeze_or_stop_that_cannot_be_meant_ends_with_2_in_one_line(
    served: FleetOnServer, arguments: list[str], told: str
) -> None:
    """Nothing is frozen by mistake."""
    words = [served.agent if word == "AGENT" else word for word in arguments]
    ended = await served.rota(*words)
    assert (ended.code, ended.out) == (ExitCode.WRONG, "")
    assert told in ended.err
    assert len(ended.err.splitlines()) == 1


async def test_freeze_of_an_unknown_agent_or_team_ends_with_4(served: FleetOnServer) -> None:
    """With the names there are."""
    for words in (("no-such-agent",), ("--team", "no-such-team")):
        ended = await served.rota("freeze", *words, "--reason", "x")
        assert ended.code == ExitCode.NOT_FOUND
        assert words[-1] in ended.err


async def test_freeze_without_a_worker_ends_with_3_and_names_what_is_not_frozen(
    written: FleetOnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A keeper that nobody serves cannot promise anything."""
    monkeypatch.setattr("workers.cli.freezing.ANSWER", timedelta(seconds=1))
    async with written.stack.worker():
        await written.stack.declare(written.agent, runtime={"kind": "scripted", "turns": []})
        await written.listed()
    ended = await rota("freeze", written.agent, "--reason", "x", *written.options)
    assert ended.code == ExitCode.NO_SERVER
    assert ended.err.startswith(f"error: {written.agent} is not frozen: no worker serves")
