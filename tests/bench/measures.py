"""What a benchmark says: a figure, what it must be, and how it reads on one line."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Measure:
    """One figure. With a bound it passes or misses; without one it informs."""

    name: str
    value: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None
    detail: str = ""
    """The absolute figures behind a ratio, and other things to know."""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without a target."""
        if self.at_most is not None:
            return self.value <= self.at_most
        if self.at_least is not None:
            return self.value >= self.at_least
        return None

    @property
    def line(self) -> str:
        """The figure for people."""
        verdict = {None: "    ", True: "PASS", False: "miss"}[self.met]
        target = ""
        if self.at_most is not None:
            target = f" (target: at most {self.at_most:g})"
        if self.at_least is not None:
            target = f" (target: at least {self.at_least:g})"
        value = f"{self.value:.3g}" if abs(self.value) < 100 else f"{self.value:,.0f}"
        unit = f" {self.unit}" if self.unit else ""
        detail = f"; {self.detail}" if self.detail else ""
        return f"{verdict}  {self.name}: {value}{unit}{target}{detail}"

    @property
    def document(self) -> dict[str, Any]:
        """The figure for programs."""
        return {**asdict(self), "met": self.met}


@dataclass(frozen=True)
class Effort:
    """How much a benchmark may take."""

    rounds: int = 3
    """Interleaved rounds, of which the median counts."""
    quick: bool = False
    """Show that everything works; the figures are rough."""

    def scaled(self, usual: int, quick: int) -> int:
        """`usual`, or `quick` if that is asked for."""
        return quick if self.quick else usual


def ratio(hand: Sequence[float], rota: Sequence[float]) -> float:
    """Median of the ratios Rota / hand-written of each round."""
    return median(r / h for h, r in zip(hand, rota, strict=True))


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of `values` lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def progress(text: str) -> None:
    """Say what is being measured right now."""
    print(f"      ... {text}", flush=True)
