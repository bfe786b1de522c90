"""What a step consumed: tokens, and money in integer micro-dollars."""

from rota.model import Record


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
    unknown_attempts: int = 0
    """Attempts that the provider may have billed although no answer arrived."""

    @property
    def tokens(self) -> int:
        """All tokens, cached ones included: what a token limit counts."""
        return (
            self.input_tokens
            + self.output_tokens
            + self.cache_read_tokens
            + self.cache_write_tokens
        )

    def plus(self, other: "Usage") -> "Usage":
        """Return the sum of both."""
        unpriced = self.cost_micros is None or other.cost_micros is None
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            cost_micros=None if unpriced else (self.cost_micros or 0) + (other.cost_micros or 0),
            unknown_attempts=self.unknown_attempts + other.unknown_attempts,
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
            cost_micros=None if cost is None else max(0, cost - (other.cost_micros or 0)),
            unknown_attempts=max(0, self.unknown_attempts - other.unknown_attempts),
        )


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
