"""Boards as they are committed: what they are made from, and rules that all of them keep."""

import re
from collections.abc import Set as AbstractSet
from itertools import chain
from typing import Any

import pytest
import yaml

from deploy.grafana.boards.declared import Board, Unit
from deploy.grafana.boards.temporal_metrics import TEMPORAL
from deploy.grafana.boards.written import BOARDS, FOLDER, file_of, text_of
from rota.metrics.kinds import Kind, Source
from rota.metrics.kinds import Unit as Measured
from rota.metrics.listed import METRICS
from tests.house.repository import ROOT
from tests.monitoring.committed import Shown, alerts, boards, panels, rules, shown
from tests.monitoring.promql import RISES, Use, substituted, uses, variables

KNOWN: dict[str, object] = {**METRICS, **TEMPORAL}
PROMETHEUS_OWN = {"up"}
ADDED = {"job", "instance", "le"}
"""Labels that Prometheus adds, and that of buckets."""
OF_THE_SDK = {"namespace", "task_queue", "workflow_type", "activity_type", "service_name"}
COUNTS = {Unit.COUNT, Unit.RATE}
QUOTIENTS = {Unit.SHARE, Unit.COUNT, Unit.DOLLARS}
"""One by another: a share, so many times as much, or so much for each."""
UNITS = {
    Measured.DOLLARS: {Unit.DOLLARS},
    Measured.SECONDS: {Unit.SECONDS},
    Measured.TIME: {Unit.SECONDS},
    Measured.TOKENS: {Unit.COUNT},
    Measured.COUNT: COUNTS,
    Measured.FLAG: {Unit.COUNT},
}
"""What a panel of such metrics may be in."""
ALL = [*shown()]
IDS = [each.place for each in ALL]


def asked(expression: str) -> list[Use]:
    """Metrics in a query of a board."""
    return uses(substituted(expression))


def recorded() -> set[str]:
    """What rules write, and others read."""
    return {rule["record"] for rule in rules() if "record" in rule}


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.title)
def test_board_is_committed_as_it_is_made(board: Board) -> None:
    """Whoever changes one runs `make boards`."""
    assert file_of(board).read_text() == text_of(board), "make boards"


def test_no_board_is_there_that_nobody_makes() -> None:
    """What is not declared any more is not provisioned either."""
    assert {file.name for file in FOLDER.iterdir()} == {file_of(board).name for board in BOARDS}


@pytest.mark.parametrize("board", boards(), ids=lambda board: board["title"])
def test_panels_of_a_board_say_what_they_show(board: dict[str, Any]) -> None:
    """Each has a title of its own, a unit, a description, the chosen datasource, and an id."""
    shown_here = panels(board)
    assert len(shown_here) > 8
    assert len({panel["title"] for panel in shown_here}) == len(shown_here)
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    for panel in shown_here:
        assert re.match(r"[A-Z]", panel["title"]), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert re.match(r"[A-Z`].*[.A-Z]$", panel["description"], re.S), panel["title"]
        assert panel["targets"], panel["title"]
        for target in [panel, *panel["targets"]]:
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


@pytest.mark.parametrize("board", boards(), ids=lambda board: board["title"])
def test_variables_of_a_board_are_those_that_it_uses(board: dict[str, Any]) -> None:
    """None is missing, none is there for nothing; all have source, job and the way to Temporal."""
    declared = {variable["name"] for variable in board["templating"]["list"]}
    queries = [target["expr"] for panel in panels(board) for target in panel["targets"]]
    queries += [each["query"] for each in board["templating"]["list"] if each["type"] == "query"]
    used = set(chain.from_iterable(map(variables, queries))) - {"__range", "__rate_interval"}
    assert declared == used | {"datasource", "job", "temporal_ui", "namespace"}


@pytest.mark.parametrize("board", boards(), ids=lambda board: board["title"])
def test_board_leads_to_the_other_boards_and_to_temporal(board: dict[str, Any]) -> None:
    """And what it shows of an agent leads to its board, and to its runs in Temporal."""
    assert [link["title"] for link in board["links"]] == ["Boards", "Temporal"]
    assert board["links"][1]["url"].startswith("${temporal_ui}/namespaces/${namespace}/")
    for panel in panels(board):
        names = [target.get("legendFormat", "{{agent}}") for target in panel["targets"]]
        links = panel["fieldConfig"]["defaults"].get("links", [])
        if panel["type"] == "stat" or not all("{{agent}}" in name for name in names):
            assert not links
            continue
        field = "data.fields" if panel["type"] == "table" else "field.labels"
        assert [f"${{__{field}.agent}}" in link["url"] for link in links] == [True, True]
        assert "/workflows?query=RotaAgent%3D%22" in links[1]["url"]


@pytest.mark.parametrize("query", ALL, ids=IDS)
def test_query_asks_for_what_there_is(query: Shown) -> None:
    """Metrics of the closed list, or of Temporal as listed; labels that they have."""
    for use in asked(query.expression):
        name = use.metric(KNOWN)
        assert name in KNOWN or name in PROMETHEUS_OWN
        metric = METRICS.get(name)
        if metric is not None:
            has = {label.name for label in metric.labels} | ADDED
            has |= OF_THE_SDK if metric.source is Source.WORKER else set()
            assert use.labels <= has


@pytest.mark.parametrize("query", ALL, ids=IDS)
def test_query_of_a_board_reads_counters_through_their_rise(query: Shown) -> None:
    """A counter's value means nothing; and no window may be shorter than four scrapes."""
    for use in asked(query.expression):
        assert bool(use.through in RISES) == only_rises(use), use
    assert "$__interval" not in query.expression
    for window in re.findall(r"\[(.*?)\]", query.expression):
        assert window in {"$__rate_interval", "$__range", "1h", "1d", "7d"}


@pytest.mark.parametrize("query", ALL, ids=IDS)
def test_unit_of_a_query_is_that_of_its_metrics(query: Shown) -> None:
    """Seconds are shown as seconds; Temporal's own say in what they are."""
    for use in asked(query.expression):
        assert query.unit in (QUOTIENTS if " / " in query.expression else units_of(use)), use


def units_of(use: Use) -> AbstractSet[str]:
    """What a panel with this metric may be in."""
    name = use.metric(KNOWN)
    is_counted = name != use.name and not use.name.endswith("_bucket")
    if is_counted or name in PROMETHEUS_OWN:
        return COUNTS
    if name in METRICS:
        return UNITS[METRICS[name].unit]
    unit = TEMPORAL[name].unit
    return COUNTS if unit is Unit.COUNT else {unit}


def only_rises(use: Use) -> bool:
    """True of counters and the parts of histograms."""
    metric = KNOWN.get(use.metric(KNOWN))
    return getattr(metric, "kind", Kind.GAUGE) in (Kind.COUNTER, Kind.HISTOGRAM)


def test_every_metric_is_on_a_board_or_behind_an_alert() -> None:
    """What nobody looks at need not be told; what is listed of Temporal is used."""
    used = {use.metric(KNOWN) for query in ALL for use in asked(query.expression)}
    used |= {use.metric(KNOWN) for rule in rules() for use in uses(rule["expr"])}
    assert not KNOWN.keys() - used
    assert used - KNOWN.keys() == PROMETHEUS_OWN | recorded()


def test_grafana_is_given_the_boards_and_a_source() -> None:
    """As its provisioning files say."""
    folder = ROOT / "deploy" / "grafana" / "provisioning"
    (provider,) = yaml.safe_load((folder / "dashboards" / "rota.yaml").read_text())["providers"]
    assert (provider["type"], provider["allowUiUpdates"]) == ("file", False)
    sources = yaml.safe_load((folder / "datasources" / "prometheus.yaml").read_text())
    (source,) = sources["datasources"]
    assert (source["type"], source["isDefault"]) == ("prometheus", True)
    prometheus = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    assert source["jsonData"]["timeInterval"] == prometheus["global"]["scrape_interval"]
    assert alerts()
