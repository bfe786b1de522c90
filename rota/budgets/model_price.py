"""What a model costs, as declared under `runtime.price`. Pure.

For models that no price table knows (an own gateway, a local model, one that came out this
morning), and for tests and demos, so that scripted turns cost something.
"""

from decimal import ROUND_CEILING, Decimal

from pydantic import Field

from rota.model import Declared
from rota.usage import Usage

MOST_USD_PER_MTOK = 100_000


class ModelPrice(Declared):
    """Dollars for a million tokens of each kind. Preferred to the price table."""

    input_usd_per_mtok: float = Field(ge=0, le=MOST_USD_PER_MTOK)
    output_usd_per_mtok: float = Field(ge=0, le=MOST_USD_PER_MTOK)
    cache_read_usd_per_mtok: float | None = Field(default=None, ge=0, le=MOST_USD_PER_MTOK)
    """None: as other input."""
    cache_write_usd_per_mtok: float | None = Field(default=None, ge=0, le=MOST_USD_PER_MTOK)
    """None: as other input."""

    @property
    def version(self) -> str:
        """Names these prices, beside each cost made of them."""
        return "runtime.price " + "/".join(_plain(rate) for rate in self._rates)

    def micros(self, usage: Usage) -> int:
        """Return the cost in micro-dollars, rounded up so that no sum understates."""
        counts = (
            usage.input_tokens,
            usage.output_tokens,
            usage.cache_read_tokens,
            usage.cache_write_tokens,
        )
        # A dollar for a million tokens is a micro-dollar for one.
        total = sum(
            (rate * count for rate, count in zip(self._rates, counts, strict=True)), Decimal()
        )
        return int(total.to_integral_value(ROUND_CEILING))

    @property
    def _rates(self) -> tuple[Decimal, ...]:
        own = self.input_usd_per_mtok
        read, write = self.cache_read_usd_per_mtok, self.cache_write_usd_per_mtok
        rates = (
            own,
            self.output_usd_per_mtok,
            own if read is None else read,
            own if write is None else write,
        )
        # By its digits: 0.1 as a float is a little more than a tenth.
        return tuple(Decimal(str(rate)) for rate in rates)


def _plain(rate: Decimal) -> str:
    text = f"{rate:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
