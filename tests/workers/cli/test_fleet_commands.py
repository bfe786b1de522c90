"""`plan`, `apply`, `drift`, `pause`, `resume`: a fleet's files and the server."""

from tests.workers.cli.conftest import FleetOnServer
from workers.cli.exit_codes import ExitCode


async def test_plan_of_a_new_fleet_says_what_apply_then_does(written: FleetOnServer) -> None:
    """A plan changes nothing and names agent, action and next starts."""
    for _ in range(2):
        ended = await written.rota("plan", "--json")
        assert ended.code == ExitCode.OK, ended.err
        (agent,) = ended.json["agents"]
        assert (agent["agent"], agent["action"]) == (written.agent, "create")
        assert len(agent["next_after"]) == 5


async def test_apply_twice_changes_nothing_the_second_time(served: FleetOnServer) -> None:
    """Applying is idempotent, and says so."""
    ended = await served.rota("apply", "--json")
    assert (ended.code, ended.json["steps"]) == (ExitCode.OK, [])
    assert ended.json["plan"]["is_empty"] is True


async def test_plan_for_people_shows_a_changed_field_with_both_values(
    served: FleetOnServer,
) -> None:
    """What changes is shown field by field."""
    served.change("wall_clock: 5m", "wall_clock: 7m")
    ended = await served.rota("plan")
    assert f"~ {served.agent}: change" in ended.out
    assert "budget.wall_clock: 5m → 7m" in ended.out


async def test_drift_ends_with_1_while_a_schedule_is_paused_by_hand(
    served: FleetOnServer,
) -> None:
    """Pausing works at once, shows as drift with its note, and resuming ends it."""
    assert (await served.rota("drift")).code == ExitCode.OK
    paused = await served.rota("pause", served.agent, "--note", "feed is down", "--json")
    assert paused.json == {"agent": served.agent, "paused": True, "note": "feed is down"}
    drift = await served.rota("drift", "--json")
    assert drift.code == ExitCode.FAILED
    assert [found["field"] for found in drift.json] == ["schedule.paused"]
    assert "feed is down" in drift.json[0]["detail"]
    told = await served.rota("drift")
    assert "files say false, server has true" in told.out
    assert (await served.rota("resume", served.agent)).code == ExitCode.OK
    assert (await served.rota("drift")).code == ExitCode.OK


async def test_pause_of_an_unknown_agent_ends_with_4(served: FleetOnServer) -> None:
    """A wrong name is told with the right one."""
    ended = await served.rota("pause", served.agent + "x")
    assert ended.code == ExitCode.NOT_FOUND
    assert served.agent in ended.err


async def test_plan_for_people_shows_pipelines_and_subscriptions(served: FleetOnServer) -> None:
    """A pipeline is told from an agent, with its nodes and the events that start it."""
    event, name = f"bank.closed.{served.stack.task_queue}", f"{served.agent}-all"
    (served.folder / "pipelines").mkdir()
    (served.folder / "pipelines" / "all.yaml").write_text(
        f"kind: Pipeline\nname: {name}\non: [{{event: {event}}}]\n"
        f"nodes:\n  first: {{agent: {served.agent}}}\n"
        f"  second: {{agent: {served.agent}, after: first}}\n"
    )
    planned = await served.rota("plan")
    assert f"+ {name}: create pipeline pipelines/all.yaml:1" in planned.out
    assert "    nodes: first, second\n" in planned.out
    assert f"    starts on: {event}\n" in planned.out
    applied = await served.rota("apply")
    assert f"{name}: subscribe" in applied.err
    assert (await served.rota("drift")).code == ExitCode.OK
    (served.folder / "pipelines" / "all.yaml").unlink()
    removed = await served.rota("plan")
    assert f"- {name}: remove pipeline" in removed.out
    assert f"    no longer starts on: {event}\n" in removed.out


async def test_pause_of_a_pipeline_stops_its_schedule(served: FleetOnServer) -> None:
    """A pipeline is paused and resumed as an agent is."""
    name = f"{served.agent}-all"
    (served.folder / "pipelines").mkdir()
    (served.folder / "pipelines" / "all.yaml").write_text(
        f'kind: Pipeline\nname: {name}\nschedule: {{cron: "0 6 * * *"}}\n'
        f"nodes: {{first: {{agent: {served.agent}}}}}\n"
    )
    assert (await served.rota("apply")).code == ExitCode.OK
    assert (await served.rota("pause", name)).code == ExitCode.OK
    assert (await served.rota("drift")).code == ExitCode.FAILED
    assert (await served.rota("resume", name)).code == ExitCode.OK
    assert (await served.rota("drift")).code == ExitCode.OK
