"""What a step consumed: tokens, and money in integer micro-dollars."""

from collections.abc import Iterable
from functools import reduce

from rota.model import Record, StepResult


class Usage(Record):
    """Consumption of one model call, or the sum of several."""

    input_tokens: int = 0
    """Uncached input tokens."""
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_micros: int | None = 0
    """Micro-dollars. None means *unpriced*: the model is in no price table, which is
    not the same as free, and stays None in every sum it enters."""
    known_micros: int = 0
    """What the priced ones cost in a sum that is unpriced as a whole; else 0."""
    unknown_attempts: int = 0
    """Attempts that the provider may have billed although no answer arrived."""
    unknown_micros: int = 0
    """What those may have cost at most, as estimated before they were made. Shown apart from
    the cost, in no sum with it; a limit counts both."""
    unknown_tokens: int = 0
    """Likewise of their tokens."""

    @property
    def tokens(self) -> int:
        """All tokens, cached ones included: what a token limit counts."""
        return (
            self.input_tokens
            + self.output_tokens
            + self.cache_read_tokens
            + self.cache_write_tokens
        )

    @property
    def counted_micros(self) -> int:
        """The cost as far as it is known: of a sum that is unpriced, what the priced ones cost."""
        return self.known_micros if self.cost_micros is None else self.cost_micros

    def plus(self, other: "Usage") -> "Usage":
        """Return the sum of both."""
        unpriced = self.cost_micros is None or other.cost_micros is None
        counted = self.counted_micros + other.counted_micros
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            cost_micros=None if unpriced else counted,
            known_micros=counted if unpriced else 0,
            unknown_attempts=self.unknown_attempts + other.unknown_attempts,
            unknown_micros=self.unknown_micros + other.unknown_micros,
            unknown_tokens=self.unknown_tokens + other.unknown_tokens,
        )

    def minus(self, other: "Usage") -> "Usage":
        """Return what was used beyond `other`; what a provider takes back counts as nothing.

        Unpriced if this is. Costs that `other` does not know count as none.
        """
        cost = self.cost_micros
        return Usage(
            input_tokens=max(0, self.input_tokens - other.input_tokens),
            output_tokens=max(0, self.output_tokens - other.output_tokens),
            cache_read_tokens=max(0, self.cache_read_tokens - other.cache_read_tokens),
            cache_write_tokens=max(0, self.cache_write_tokens - other.cache_write_tokens),
            cost_micros=None if cost is None else max(0, cost - other.counted_micros),
            known_micros=max(0, self.known_micros - other.counted_micros) if cost is None else 0,
            unknown_attempts=max(0, self.unknown_attempts - other.unknown_attempts),
            unknown_micros=max(0, self.unknown_micros - other.unknown_micros),
            unknown_tokens=max(0, self.unknown_tokens - other.unknown_tokens),
        )


class RunUse(StepResult):
    """What a run that has ended used, with all below it."""

    usage: Usage | None = None
    """None: it left no word of it."""


def sum_of(usages: Iterable[Usage]) -> Usage:
    """Return the sum of all; nothing if there are none."""
    return reduce(Usage.plus, usages, Usage())


_LITTLE = 100
"""Micro-dollars below which four places tell too little."""


def format_cost(cost_micros: int | None) -> str:
    """Print micro-dollars for people: `$0.0123`, `$0.000027`, or `unpriced`.

    A little is never shown as nothing: a cap may be that small.
    """
    if cost_micros is None:
        return "unpriced"
    places = 6 if 0 < cost_micros < _LITTLE else 4
    return f"${cost_micros / 1_000_000:.{places}f}"
