"""Questions in PromQL about the metrics of the closed list: their labels are taken from it. Pure.

Whatever gateways a fleet has tell the same, so of its metrics the greatest is taken over them;
workers tell each of themselves, so theirs are added. Each fleet is a job of its own: agents of
two fleets with one name are two, and what both did is added.
"""

from deploy.grafana.boards.declared import Query
from deploy.grafana.boards.temporal_metrics import TEMPORAL
from rota.metrics.kinds import Kind, Source
from rota.metrics.listed import METRICS

HOUR = "1h"
DAY = "1d"
RANGE = "$__range"
RATE = "$__rate_interval"
"""Grafana's: never too short for how often Prometheus scrapes, as `$__interval` may be."""
JOB, WORKERS, SERVERS = "$job", "$workers", "$servers"
"""Variables of boards: jobs that scrape gateways, workers, Temporal servers."""


def gauge(name: str, *by: str, **only: str) -> str:
    """The greatest of a gauge, for each value of the labels `by`."""
    return f"max by ({_own_job(by)}) ({_selected(name, only)})"


def total(name: str, *by: str, **only: str) -> str:
    """The sum of a gauge over all labels but `by`."""
    return f"sum by ({_own_job(by)}) ({_once(name, _selected(name, only))})"


def gained(name: str, *by: str, within: str = HOUR, **only: str) -> str:
    """What a counter of the fleet has gained within some time."""
    gain = f"increase({_selected(name, only)}[{within}])"
    return f"sum by ({_own_job(by)}) ({_once(name, gain)})"


def quantile(share: float, name: str, *by: str, within: str = DAY, **only: str) -> str:
    """What so large a share of a histogram of the fleet has not exceeded."""
    gain = f"increase({_selected(name, only, '_bucket')}[{within}])"
    summed = f"sum by ({_own_job((*by, 'le'))}) ({_once(name, gain, 'le')})"
    return f"histogram_quantile({share:g}, {summed})"


def typical(name: str, within: str = DAY) -> tuple[Query, Query]:
    """What half, and what nearly all, of a histogram of the fleet have not exceeded."""
    return (
        Query(quantile(0.5, name, within=within), "half of them"),
        Query(quantile(0.95, name, within=within), "19 of 20"),
    )


def rate(name: str, *by: str, suffix: str = "", **only: str) -> str:
    """How much a second a counter of workers or servers gains."""
    return f"sum by ({', '.join(by)}) (rate({_selected(name, only, suffix)}[{RATE}]))"


def slowest(share: float, name: str, *by: str, **only: str) -> str:
    """What so large a share of a histogram of workers or servers has not exceeded."""
    return f"histogram_quantile({share:g}, {rate(name, *by, 'le', suffix='_bucket', **only)})"


def own(name: str, *by: str, **only: str) -> str:
    """The sum of a gauge of workers or servers."""
    return f"sum by ({', '.join(by)}) ({_selected(name, only)})"


def age(name: str, *by: str) -> str:
    """Seconds since a time; nothing where it has not come yet."""
    return f"time() - ({gauge(name, *by)} > 0)"


def share(part: str, whole: str) -> str:
    """Which share of the whole a part is; nothing where there is no whole."""
    return f"({part}) / ({whole} > 0)"


def _once(name: str, values: str, *more: str) -> str:
    """Of each fleet's gateways the greatest: all of them tell the same."""
    return f"max by ({', '.join(('job', *_labels(name), *more))}) ({values})"


def _own_job(by: tuple[str, ...]) -> str:
    """The labels `by`, and the fleet of whoever has a name."""
    return ", ".join(("job", *by) if {"agent", "team"} & set(by) else by)


def _labels(name: str) -> tuple[str, ...]:
    return tuple(label.name for label in METRICS[name].labels)


def _selected(name: str, only: dict[str, str], suffix: str = "") -> str:
    """The metric, of the jobs and agents that are chosen.

    `only` are patterns of other labels; one that begins with `!` is what they must not be.
    """
    matches = {"job": _job(name)}
    if name in METRICS and METRICS[name].source is not Source.WORKER:
        whose = _labels(name)[:1]
        matches |= {each: f"${each}" for each in whose if each in ("agent", "team")}
    if name in METRICS and METRICS[name].kind is Kind.HISTOGRAM and not suffix:
        raise ValueError(f"{name} is a histogram: ask for its quantile")
    told = ",".join(_match(label, pattern) for label, pattern in (matches | only).items())
    return f"{name}{suffix}{{{told}}}"


def _match(label: str, pattern: str) -> str:
    unlike = pattern.removeprefix("!")
    return f'{label}=~"{pattern}"' if unlike == pattern else f'{label}!~"{unlike}"'


def _job(name: str) -> str:
    if name in TEMPORAL:
        return SERVERS if TEMPORAL[name].is_servers else WORKERS
    return WORKERS if METRICS[name].source is Source.WORKER else JOB
