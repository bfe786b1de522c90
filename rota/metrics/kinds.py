"""What a metric is: kind, unit, labels and what keeps them few, and who knows it. Pure."""

from dataclasses import dataclass
from enum import StrEnum

PREFIX = "rota_"


class Kind(StrEnum):
    """As Prometheus knows it."""

    COUNTER = "counter"
    """Only grows. One that is new begins at nought, so that its first increase is seen."""
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Unit(StrEnum):
    """What a value counts."""

    COUNT = "count"
    DOLLARS = "dollars"
    TOKENS = "tokens"
    SECONDS = "seconds"
    TIME = "seconds since 1970"
    """0: it has not happened."""
    FLAG = "1 or 0"


class Source(StrEnum):
    """Who knows it."""

    KEEPER = "keeper"
    """The agent's, or pipeline's."""
    TEAM = "team's account"
    SERVER = "server"
    """What it lists: schedules, runs that wait for people, breakers."""
    WATCHDOG = "Watchdog"
    """Its newest check."""
    GATEWAY = "gateway"
    WORKER = "worker"
    """Served by each `rota worker --metrics` for itself, beside the SDK's own."""


@dataclass(frozen=True)
class Label:
    """A label and what keeps it small."""

    name: str
    values: tuple[str, ...] = ()
    """All it can be, each there from the beginning; empty: it is a name."""
    most: int | None = None
    """Of a name: how many are told apart, of each agent or in each worker; the rest is `other`.
    None: as many as the fleet declares."""


@dataclass(frozen=True)
class Metric:
    """One metric."""

    name: str
    kind: Kind
    unit: Unit
    labels: tuple[Label, ...]
    meaning: str
    source: Source
    bounds: tuple[float, ...] = ()
    """Of a histogram: upper bounds of its buckets."""

    @property
    def closed(self) -> tuple[Label, ...]:
        """Its labels whose values are all known."""
        return tuple(label for label in self.labels if label.values)


def counter(name: str, unit: Unit, meaning: str, *labels: Label, source: Source) -> Metric:
    """Return a counter of Rota; `name` is without the prefix."""
    return Metric(PREFIX + name, Kind.COUNTER, unit, labels, meaning, source)


def gauge(name: str, unit: Unit, meaning: str, *labels: Label, source: Source) -> Metric:
    """Return a gauge of Rota; `name` is without the prefix."""
    return Metric(PREFIX + name, Kind.GAUGE, unit, labels, meaning, source)


def histogram(
    name: str, bounds: tuple[float, ...], meaning: str, *labels: Label, source: Source
) -> Metric:
    """Return a histogram of Rota, of seconds; `name` is without the prefix."""
    return Metric(PREFIX + name, Kind.HISTOGRAM, Unit.SECONDS, labels, meaning, source, bounds)
