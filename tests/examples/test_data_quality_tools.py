"""The data quality example without Temporal: what its tools find, file, and refuse."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rota.connections import Connections
from rota.failures import StepError
from rota.tools import ToolError
from tests.examples.quality_nights import (
    FLEET,
    PER_DAY,
    TOOLS,
    Bench,
    checking,
    comparing,
    declared,
    maker,
    measuring,
    names,
    ticket_service,
    truth,
    warehouse,
)
from tests.fakes import github_server, jira_server
from tests.fakes.github_server import GitHubFake
from tests.fakes.jira_server import JiraFake


@pytest.fixture
def service(tmp_path: Path) -> Iterator[SimpleNamespace]:
    """The ticket service."""
    with ticket_service(tmp_path) as service:
        yield service


@pytest.fixture
def bench(tmp_path: Path, service: SimpleNamespace) -> Bench:
    """The first night, nothing accepted."""
    maker.make_warehouse(warehouse(tmp_path), PER_DAY)
    return Bench(tmp_path, service.url)


@pytest.mark.parametrize(
    "per_day", [2000, pytest.param(maker.PER_DAY, marks=pytest.mark.soak, id="million")]
)
async def test_three_accepted_nights_find_exactly_what_is_planted(
    tmp_path: Path, service: SimpleNamespace, per_day: int
) -> None:
    """At every size: nothing planted is missed, nothing else is reported."""
    path = warehouse(tmp_path)
    maker.make_warehouse(path, per_day)
    bench = Bench(tmp_path, service.url)
    for night in (1, 2, 3):
        if night > 1:
            assert maker.next_night(path) == night
        result = await bench.night(f"night-{night}")
        planted = truth(tmp_path, night)
        assert names(result["new"]) == planted["new"], night
        assert names(result["known"]) == planted["known"], night
        bench.baseline = json.loads(json.dumps(result))
    assert bench.baseline["rows"]["trips"] > 30 * per_day


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_nights_of_other_seeds_raise_no_other_alarm(tmp_path: Path, seed: int) -> None:
    """What is found comes from the plants, not from how the numbers fell."""
    path = warehouse(tmp_path)
    maker.make_warehouse(path, 1500, seed)
    wanted = checking.read_checks(declared())
    before = None
    for night in (1, 2, 3):
        if night > 1:
            maker.next_night(path)
        now = measuring.profile(path, wanted, lambda text: None)
        found = comparing.compare(now, before, wanted)
        assert sorted(each.finding for each in found.new) == truth(tmp_path, night)["new"]
        before = now


def test_warehouse_of_a_seed_is_the_same_each_time(tmp_path: Path) -> None:
    """Two machines have the same figures."""
    wanted = checking.read_checks(declared())
    for name in ("a", "b"):
        maker.make_warehouse(warehouse(tmp_path / name), 300)
    one, two = (
        measuring.profile(warehouse(tmp_path / name), wanted, lambda text: None)
        for name in ("a", "b")
    )
    assert one == two


def test_findings_do_not_move_while_a_run_works(bench: Bench) -> None:
    """A load in the middle of a run is the next run's: all tools speak of the same moment."""
    before = bench.compare("run-1")
    maker.next_night(warehouse(bench.folder))
    assert bench.compare("run-1") == before
    assert bench.compare("run-2") != before


async def test_only_findings_can_be_filed_and_no_result_leaves_one_out(
    bench: Bench, service: SimpleNamespace
) -> None:
    """Neither a model's invention nor its forgetfulness gets into the result."""
    bench.compare()
    with pytest.raises(ToolError, match="is no new finding"):
        await TOOLS["tickets.file"](
            bench.context(), finding="trips.tip_cents.nulls", explanation="Odd."
        )
    with pytest.raises(ToolError, match=r"no ticket for .*trips\.trip_id\.duplicates"):
        TOOLS["quality.report"](bench.context(), summary="All is well.")
    assert service.kept.all() == []


async def test_baseline_with_changed_figures_is_not_compared_with(bench: Bench) -> None:
    """A model that copied its result wrongly cannot set the measure of later nights."""
    result = json.loads(json.dumps(await bench.night("night-1")))
    result["measures"]["trips.trip_id.duplicates"] = 10_000
    bench.baseline = result
    with pytest.raises(StepError, match="other figures than were measured"):
        bench.compare("night-2")
    bench.baseline = {"rows": 7}
    with pytest.raises(StepError, match="is no profile"):
        bench.compare("night-2")


@pytest.mark.parametrize(
    ("input", "problem"),
    [
        ({"warehouse": "data/none.sqlite"}, "the warehouse cannot be read"),
        ({"tables": {"trips": {"loaded": "loaded_on", "key": "id"}}}, "no such column: id"),
        ({"tables": {"trips; DROP TABLE trips": {}}}, "String should match pattern"),
        ({"tables": {"trips": {"keys": "x"}}}, "Extra inputs are not permitted"),
        ({"tables": {"zones": {"key": "zone_id"}}}, "names its column `loaded`"),
    ],
)
def test_declaration_that_cannot_be_checked_is_refused_with_its_place(
    bench: Bench, input: dict[str, Any], problem: str
) -> None:
    """Nothing is measured in part."""
    bench.input |= input
    with pytest.raises(StepError, match=problem):
        TOOLS["quality.profile"](bench.context())


def test_night_of_the_slot_notices_that_nothing_came_at_all(bench: Bench) -> None:
    """Every table is then stale, where the newest load alone would look well."""
    bench.input |= {"night": "slot", "timezone": "Europe/Berlin"}
    slot = datetime(2026, 10, 2, 1, 30, tzinfo=UTC)
    TOOLS["quality.profile"](bench.context(slot=slot))
    found = TOOLS["quality.compare"](bench.context())["new"]
    assert {"trips.stale_days", "payments.stale_days"} <= {each["finding"] for each in found}


def test_tickets_of_one_key_asked_for_at_once_are_one(service: SimpleNamespace) -> None:
    """Two attempts at the same moment get the same ticket."""

    def make(number: int) -> tuple[int, bool]:
        return service.kept.make("key", f"title {number}", "text", [])

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(make, range(40)))
    assert {number for number, _ in made} == {1}
    assert sum(new for _, new in made) == 1


async def filed_by_two_runs(bench: Bench, target: dict[str, str], **more: Any) -> list[bool]:
    """File the same finding from two runs; say of each whether its ticket existed."""
    bench.input |= {"tickets": target}
    existed: list[bool] = []
    for run in ("run-1", "run-2"):
        bench.compare(run)
        answer = await TOOLS["tickets.file"](
            bench.context(run, **more),
            finding="trips.trip_id.duplicates",
            explanation="The load came twice.",
        )
        existed.append(answer["ticket"]["existed"])
    return existed


async def test_tickets_go_to_github_by_configuration_once_per_finding(bench: Bench) -> None:
    """Another run that finds the same makes no second issue."""
    with GitHubFake() as github:
        block = {"token": "env:TOKEN", "base_url": github.url}
        existed = await filed_by_two_runs(
            bench,
            {"github": github_server.REPOSITORY},
            connections=Connections.model_validate({"github": block}),
            secrets=lambda reference: github_server.TOKEN,
        )
        titles = [issue["title"] for issue in github.open_issues]
    assert existed == [False, True]
    assert titles == ["cabs: trips.trip_id.duplicates"]


async def test_tickets_go_to_jira_by_configuration_once_per_finding(bench: Bench) -> None:
    """Another run that finds the same makes no second issue."""
    with JiraFake() as jira:
        block = {"base_url": jira.url, "user": jira_server.USER, "token": "env:TOKEN"}
        existed = await filed_by_two_runs(
            bench,
            {"jira": "OPS"},
            connections=Connections.model_validate({"jira": block}),
            secrets=lambda reference: jira_server.TOKEN,
        )
        titles = [issue["fields"]["summary"] for issue in jira.issues]
    assert existed == [False, True]
    assert titles == ["cabs: trips.trip_id.duplicates"]


async def test_tickets_for_a_service_that_the_fleet_does_not_declare_are_refused(
    bench: Bench,
) -> None:
    """The refusal says what to write into fleet.yaml."""
    with pytest.raises(StepError, match=r"needs github in fleet\.yaml"):
        await filed_by_two_runs(bench, {"github": "acme/data"})


def test_no_argument_of_a_tool_names_a_file_or_an_address() -> None:
    """Whatever a value in the warehouse talks a model into, it cannot point a tool elsewhere."""
    for tool in TOOLS.values():
        names_of = set(tool.schema.parameters.get("properties", {}))
        assert names_of <= {"finding", "explanation", "summary"}
    assert (FLEET / "agents" / "data-quality.yaml").is_file()
