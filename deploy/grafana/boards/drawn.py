"""Boards as Grafana reads them, by Grafana's own models of its JSON."""

import itertools

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    prometheus,
    stat,
    table,
    timeseries,
)
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from deploy.grafana.boards.choices import NAMESPACES
from deploy.grafana.boards.declared import Board, Choice, Panel, Query, Shape

SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
TAG = "rota"
RUNS = "${temporal_ui}/namespaces/${namespace}/workflows?query=RotaAgent%3D%22"
WIDTHS = {Shape.NUMBER: 4, Shape.LINES: 12, Shape.BARS: 12, Shape.TABLE: 24}
"""Of 24 columns."""
HEIGHTS = {Shape.NUMBER: 4, Shape.LINES: 8, Shape.BARS: 8, Shape.TABLE: 10}

Builder = stat.Panel | timeseries.Panel | table.Panel | bargauge.Panel


def drawn(board: Board) -> models.Dashboard:
    """Return the board's JSON, not yet written out."""
    made = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .description(board.description)
        .tags([TAG])
        .timezone("browser")
        .time("now-24h", "now")
        .refresh("30s")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .readonly()
        .link(
            dashboard.DashboardLink("Boards")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(True)
            .include_vars(True)
            .keep_time(True)
        )
        .link(
            dashboard.DashboardLink("Temporal")
            .type(models.DashboardLinkType.LINK)
            .url(f"${{temporal_ui}}/namespaces/${{namespace}}/{board.temporal_path}")
            .target_blank(True)
        )
        .with_variable(
            dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus")
        )
    )
    for choice in (*board.choices, NAMESPACES):
        made = made.with_variable(_variable(choice))
    made = made.with_variable(_text("temporal_ui", "Temporal UI", "http://localhost:8233"))
    numbers = itertools.count(1)
    for row in board.rows:
        made = made.with_row(dashboard.Row(row.title).id(next(numbers)))
        for panel in row.panels:
            made = made.with_panel(_panel(panel).id(next(numbers)))
    return made.build()


def _variable(choice: Choice) -> dashboard.QueryVariable:
    made = (
        dashboard.QueryVariable(choice.name)
        .label(choice.title)
        .datasource(SOURCE)
        .query(f"label_values({choice.metric}, {choice.label})")
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
    )
    if choice.is_one:
        return made.multi(False).include_all(False)
    everything = models.VariableOption(text="All", value="$__all", selected=True)
    return made.multi(True).include_all(True).all_value(".*").current(everything)


def _text(name: str, title: str, default: str) -> dashboard.TextBoxVariable:
    chosen = models.VariableOption(text=default, value=default, selected=True)
    return dashboard.TextBoxVariable(name).label(title).default_value(default).current(chosen)


def _panel(panel: Panel) -> Builder:
    made = _shaped(panel)
    made.title(panel.title).description(panel.description).unit(panel.unit)
    made.datasource(SOURCE).span(WIDTHS[panel.shape]).height(HEIGHTS[panel.shape])
    made.thresholds(_thresholds(panel.bad_from))
    for letter, query in zip("ABCDEFGH", panel.queries, strict=False):
        made.with_target(_target(letter, query, panel.shape))
    if panel.by_agent:
        is_table = panel.shape is Shape.TABLE
        agent = "${__data.fields.agent}" if is_table else "${__field.labels.agent}"
        board = f"/d/rota-agent?var-agent={agent}&${{job:queryparam}}&${{__url_time_range}}"
        made.data_links([_link(f"Board of {agent}", board), _link("Runs", f"{RUNS}{agent}%22")])
    return made


def _shaped(panel: Panel) -> Builder:
    match panel.shape:
        case Shape.NUMBER:
            newest = common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)
            return (
                stat.Panel().reduce_options(newest).graph_mode(common_models.BigValueGraphMode.NONE)
            )
        case Shape.BARS:
            return bargauge.Panel().reduce_options(_newest()).min(0)
        case Shape.TABLE:
            return _table(panel)
        case Shape.LINES:
            legend = (
                common.VizLegendOptions()
                .display_mode(common_models.LegendDisplayMode.LIST)
                .placement(common_models.LegendPlacement.BOTTOM)
                .show_legend(True)
            )
            tooltip = (
                common.VizTooltipOptions()
                .mode(common_models.TooltipDisplayMode.MULTI)
                .sort(common_models.SortOrder.DESCENDING)
            )
            return timeseries.Panel().legend(legend).tooltip(tooltip).fill_opacity(10).min(0)


def _newest() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)


def _table(panel: Panel) -> table.Panel:
    """One row for each agent: answers are put side by side, and columns have names and units."""
    merge = models.DataTransformerConfig(id_val="merge", options={})
    hide = models.DataTransformerConfig(
        id_val="organize",
        options={"excludeByName": {"Time": True}, "renameByName": {"job": "fleet"}},
    )
    made = table.Panel().with_transformation(merge).with_transformation(hide)
    for letter, query in zip("ABCDEFGH", panel.queries, strict=False):
        made.override_by_name(
            f"Value #{letter}",
            [
                models.DynamicConfigValue(id_val="displayName", value=query.name),
                models.DynamicConfigValue(id_val="unit", value=query.unit or panel.unit),
            ],
        )
    return made


def _target(letter: str, query: Query, shape: Shape) -> prometheus.Dataquery:
    made = prometheus.Dataquery().ref_id(letter).expr(query.expression).datasource(SOURCE)
    if shape is Shape.TABLE:
        return made.instant().format(PromQueryFormat.TABLE)
    made.legend_format(query.name)
    return made.range() if shape is Shape.LINES else made.instant()


def _thresholds(bad_from: float | None) -> dashboard.ThresholdsConfig:
    steps = [models.Threshold(value=None, color="text" if bad_from is None else "green")]
    if bad_from is not None:
        steps.append(models.Threshold(value=bad_from, color="red"))
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)


def _link(title: str, url: str) -> dashboard.DashboardLink:
    return dashboard.DashboardLink(title).url(url).target_blank(True)
