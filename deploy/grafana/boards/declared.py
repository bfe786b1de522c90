"""What a board is, before it is Grafana's JSON: rows of panels, each with its queries. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum


class Unit(StrEnum):
    """What a panel's numbers are, by Grafana's names."""

    COUNT = "short"
    RATE = "cps"
    """So many a second."""
    SECONDS = "s"
    MILLISECONDS = "ms"
    """The Temporal SDK's own."""
    DOLLARS = "currencyUSD"
    SHARE = "percentunit"


class Shape(StrEnum):
    """How a panel shows them."""

    LINES = "lines"
    """Over time."""
    NUMBER = "number"
    """The newest one."""
    BARS = "bars"
    """The newest of each series."""
    TABLE = "table"
    """A column for each query, a row for each set of labels."""


@dataclass(frozen=True)
class Query:
    """A question to Prometheus."""

    expression: str
    name: str = "{{agent}}"
    """What its series, or its column, is called."""
    unit: Unit | None = None
    """Of a column, where it is not the panel's."""


@dataclass(frozen=True)
class Panel:
    """One picture."""

    title: str
    unit: Unit
    description: str
    """What is shown, and what it means if it is not as usual."""
    queries: tuple[Query, ...]
    shape: Shape = Shape.LINES
    by_agent: bool = False
    """Its series have a label `agent`: they lead to its board, and to its runs in Temporal."""
    bad_from: float | None = None
    """From this value on it is red; None: no value is bad by itself."""


@dataclass(frozen=True)
class Row:
    """Panels under a heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Choice:
    """A variable whose values are those of a label."""

    name: str
    label: str
    metric: str
    """Of whose series."""
    title: str
    is_one: bool = False
    """One value at a time; otherwise several, or all."""


@dataclass(frozen=True)
class Board:
    """One dashboard."""

    uid: str
    title: str
    description: str
    rows: tuple[Row, ...]
    choices: tuple[Choice, ...] = field(default=())
    temporal_path: str = "workflows"
    """Where its link to the Temporal UI leads, below the namespace."""

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All panels, in order."""
        return tuple(panel for row in self.rows for panel in row.panels)


def number(
    title: str, unit: Unit, description: str, expression: str, bad_from: float | None = None
) -> Panel:
    """One number."""
    query = Query(expression, title)
    return Panel(title, unit, description, (query,), Shape.NUMBER, bad_from=bad_from)


def lines(title: str, unit: Unit, description: str, *queries: Query) -> Panel:
    """Lines over time, that lead to agents if every query tells them apart."""
    by_agent = all("{{agent}}" in query.name for query in queries)
    return Panel(title, unit, description, queries, Shape.LINES, by_agent)


def bars(title: str, unit: Unit, description: str, query: Query) -> Panel:
    """A bar for each series."""
    by_agent = "{{agent}}" in query.name
    return Panel(title, unit, description, (query,), Shape.BARS, by_agent)


def table(title: str, unit: Unit, description: str, *queries: Query) -> Panel:
    """A row for each agent."""
    return Panel(title, unit, description, queries, Shape.TABLE, by_agent=True)
