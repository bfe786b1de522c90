"""How long steps take, measured where they are taken: by the SDK's meter, for each attempt.

Activity side. The names and buckets are those of `rota.metrics.listed`. Where nobody serves
metrics, and in tests without a server, the meter swallows what it is told.
"""

import asyncio
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from temporalio import activity
from temporalio.common import MetricMeter
from temporalio.exceptions import ApplicationError, CancelledError

from rota.failures import FailureCategory, StepError
from rota.metrics.listed import METRICS, MOST_NAMES

OK = "ok"
CANCELLED = "cancelled"
OTHER = "other"
UNKNOWN = "unknown"


class Few:
    """Tells at most so many names apart: a label must not grow with what strangers send."""

    def __init__(self, most: int = MOST_NAMES) -> None:
        self._most = most
        self._known: set[str] = set()

    def __call__(self, name: str) -> str:
        """Return `name`, or `other` if there are too many already; `unknown` of none."""
        if not name:
            return UNKNOWN
        if name not in self._known:
            if len(self._known) >= self._most:
                return OTHER
            self._known.add(name)
        return name


_TOOLS, _MODELS = Few(), Few()


@dataclass
class Step:
    """A step under way: who takes it says how it ends."""

    name: str = ""
    outcome: str = OK


def outcome_of(error: BaseException) -> str:
    """What a step that failed is counted as."""
    if isinstance(error, asyncio.CancelledError | CancelledError):
        return CANCELLED
    kind = error.type if isinstance(error, ApplicationError) else None
    if isinstance(error, StepError):
        kind = error.category.value
    return kind if kind and kind in set(FailureCategory) else OTHER


@contextmanager
def measured_tool(name: str) -> Generator[Step]:
    """Measure one attempt at a call of the tool `name`."""
    with _timed("rota_tool_duration_seconds", Step(name), "tool", _TOOLS) as step:
        yield step


@contextmanager
def measured_turn() -> Generator[Step]:
    """Measure one attempt at a model's answer; who takes it names the model once it answers."""
    with _timed("rota_turn_duration_seconds", Step(), "model", _MODELS) as step:
        yield step


@contextmanager
def measured_activity() -> Generator[None]:
    """Measure one attempt at the activity that this is within; the meter knows its type."""
    with _timed("rota_activity_duration_seconds", Step()):
        yield


@contextmanager
def _timed(metric: str, step: Step, label: str = "", few: Few | None = None) -> Generator[Step]:
    meter, began = activity.metric_meter(), time.monotonic()
    try:
        yield step
    except BaseException as error:
        step.outcome = outcome_of(error)
        raise
    finally:
        labels = {"outcome": step.outcome} | ({label: few(step.name)} if few else {})
        _record(meter, metric, time.monotonic() - began, labels)


def _record(meter: MetricMeter, metric: str, seconds: float, labels: dict[str, str]) -> None:
    histogram = meter.create_histogram_float(metric, METRICS[metric].meaning, "s")
    histogram.record(seconds, dict(labels))
