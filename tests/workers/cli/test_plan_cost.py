"""`rota plan` says what schedules are going to cost, by what their runs cost before."""

from typing import Any

import pytest

import schedules.projecting
from tests.workers.cli.conftest import FleetOnServer
from tests.workflows.gates import poll

PRICED = """kind: scripted
  price: {input_usd_per_mtok: 1, output_usd_per_mtok: 1}
"""
DAYS = 365 / 12


async def planned(fleet: FleetOnServer) -> dict[str, Any]:
    """What the plan says of costs."""
    return (await fleet.rota("plan", "--json")).json["monthly_cost"]


async def test_plan_of_a_namespace_without_search_attributes_has_no_history(
    written: FleetOnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing has run there; what is missing is for `rota apply` and `rota doctor` to say."""
    monkeypatch.setattr(schedules.projecting, "_ENDED", "RotaNeverMade = 'x'")
    ended = await written.rota("plan", "--json")
    assert (ended.code, ended.json["monthly_cost"]["without"]) == (0, [written.agent])


async def test_plan_projects_the_cost_of_agents_and_pipelines_from_their_runs(
    served: FleetOnServer,
) -> None:
    """Without history it says so; with some, what a month of such runs comes to.

    The pipeline's nodes are its own history, and none of their agent's.
    """
    served.change("kind: scripted\n", PRICED)
    served.change("- say: I count", "- usage: {input_tokens: 1000}\n      say: I count")
    served.change('cron: "0 8 * * MON-FRI"', 'cron: "0 8 * * *"')
    name = f"{served.agent}-all"
    (served.folder / "pipelines").mkdir()
    (served.folder / "pipelines" / "all.yaml").write_text(
        f'kind: Pipeline\nname: {name}\nschedule: {{cron: "0 9 1 * *"}}\n'
        f"nodes:\n  first: {{agent: {served.agent}}}\n"
        f"  second: {{agent: {served.agent}, after: first}}\n"
    )
    assert (await served.rota("apply")).code == 0
    before = await planned(served)
    text = (await served.rota("plan")).out
    assert before["without"] == [served.agent, name]
    assert [each["p50_micros"] for each in before["schedules"]] == [None, None]
    assert f"    {served.agent}: no history (30.4 runs)\n" in text
    assert f"    together: $0.0000 to $0.0000, without {served.agent}, {name}\n" in text
    for started in (name, served.agent):
        assert (await served.rota("run", started)).code == 0

    async def known() -> dict[str, Any] | None:
        # Visibility is a moment behind.
        found = await planned(served)
        agent, pipeline = found["schedules"]
        return found if (agent["runs"], pipeline["p50_micros"]) == (1, 2000) else None

    after = await poll(known)
    agent, pipeline = after["schedules"]
    assert (agent["fires"], pipeline["fires"]) == (pytest.approx(DAYS), 1)
    assert agent["p50_micros"] == agent["p95_micros"] == round(1000 * DAYS)
    assert after["p95_micros"] == round(1000 * DAYS) + 2000
    assert after["without"] == []
    text = (await served.rota("plan")).out
    assert f"    {served.agent}: $0.0304 to $0.0304 (30.4 runs, 1 on record)\n" in text
