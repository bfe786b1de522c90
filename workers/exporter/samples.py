"""Values under the names of the closed list, as prometheus-client wants them.

A name that is not in the list, a label that is not of the metric and a value that a closed label
does not have are errors here, not series in Prometheus.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import accumulate, product

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.core import Metric as Family

from rota.metrics.kinds import Kind, Metric, Source
from rota.metrics.listed import METRICS
from rota.metrics.spread import Spread

EXPORTED = {name: each for name, each in METRICS.items() if each.source is not Source.WORKER}
"""Those that the gateway serves."""
_INFINITE = "+Inf"

Labels = tuple[str, ...]


class UnlistedError(ValueError):
    """A value that the closed list has no place for."""


class Samples:
    """All values of one scrape."""

    def __init__(self) -> None:
        self._values: dict[str, dict[Labels, float]] = {name: {} for name in EXPORTED}
        self._spreads: dict[str, dict[Labels, Spread]] = {name: {} for name in EXPORTED}

    def put(self, name: str, value: float, **labels: str) -> None:
        """Set a value.

        Raises:
            UnlistedError: there is no such metric, label or value of a closed label.
        """
        values = _checked(name, labels)
        self._values[name][values] = value

    def at(self, name: str, when: datetime | None, **labels: str) -> None:
        """Set a time; None is 0."""
        self.put(name, when.timestamp() if when else 0, **labels)

    def spread(self, name: str, value: Spread, **labels: str) -> None:
        """Set a histogram.

        Raises:
            UnlistedError: as of `put`.
        """
        values = _checked(name, labels)
        self._spreads[name][values] = value

    def born(self, name: str, **labels: str) -> None:
        """Set 0 for each combination of closed values that has none yet.

        Raises:
            UnlistedError: as of `put`.
        """
        closed = [label for label in EXPORTED[name].closed if label.name not in labels]
        for values in product(*(label.values for label in closed)):
            named = {label.name: str(value) for label, value in zip(closed, values, strict=True)}
            self._values[name].setdefault(_checked(name, {**labels, **named}), 0)

    def families(self) -> Iterator[Family]:
        """Every metric of the list, also one without a value, in the list's order."""
        for name, metric in EXPORTED.items():
            yield _family(metric, self._values[name].items(), self._spreads[name].items())


def _checked(name: str, labels: dict[str, str]) -> Labels:
    metric = EXPORTED.get(name)
    if metric is None:
        raise UnlistedError(f"no metric '{name}' is exported: add it to rota/metrics/listed.py")
    if len(labels) != len(metric.labels):
        raise UnlistedError(f"{name} has other labels than {sorted(labels)}")
    values: list[str] = []
    for label in metric.labels:
        value = labels.get(label.name)
        if value is None or (label.values and value not in label.values):
            raise UnlistedError(f"{name}: label {label.name} cannot be {value!r}")
        values.append(str(value))
    return tuple(values)


def _family(
    metric: Metric,
    values: Iterable[tuple[Labels, float]],
    spreads: Iterable[tuple[Labels, Spread]],
) -> Family:
    names = [label.name for label in metric.labels]
    if metric.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(metric.name, metric.meaning, labels=names)
        bounds = [f"{bound:g}" for bound in metric.bounds] + [_INFINITE]
        for labels, spread in spreads:
            counts = spread.counts or (0,) * len(bounds)
            buckets = list(zip(bounds, map(float, accumulate(counts)), strict=True))
            histogram.add_metric(labels, buckets, spread.millis / 1000)
        return histogram
    kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family = kind(metric.name, metric.meaning, labels=names)
    for labels, value in values:
        family.add_metric(labels, value)
    return family
