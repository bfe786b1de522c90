"""What the calls of one `runtime` block cost: before they are made at most, and after exactly.

Activity side: the price table is read from disk. Three sources, the first that speaks counts:
what the provider tells with its answer, `runtime.price`, the table.
"""

from dataclasses import dataclass
from typing import Any

from activities.pricing import Cost, price, price_table_version
from activities.runtimes.kinds import runtime_kind
from rota.budgets.model_price import ModelPrice
from rota.conversation import ModelReply
from rota.runtime_specs.base import ModelSettings
from rota.usage import Usage


@dataclass(frozen=True)
class CallPrices:
    """Whose prices hold for the calls of one `runtime` block."""

    kind: str
    model: str
    """As declared."""
    provider: str
    """By the price table's id; empty: nobody's."""
    declared: ModelPrice | None = None
    reports: bool = False
    """The provider tells what a call has cost."""

    @classmethod
    def of(cls, kind: str, settings: dict[str, Any]) -> "CallPrices":
        """Read them from a `runtime` block.

        Raises:
            RuntimeKindError: there is no such kind.
            pydantic.ValidationError: the settings are not of that kind.
        """
        known = runtime_kind(kind)
        read = known.settings.model_validate(settings)
        return cls(
            kind=kind,
            model=str(settings.get("model") or getattr(read, "model", None) or ""),
            provider=known.prices(read),
            declared=read.price if isinstance(read, ModelSettings) else None,
            reports=known.promises(read).cost,
        )

    def cost(self, reply: ModelReply) -> Cost:
        """What an answer cost, who says so, and what else is said of it."""
        priced, version = self._priced(reply.model, reply.usage), self._version
        if priced is None and (priced := self._priced(self.model, reply.usage)) is not None:
            # A gateway's own name, or none: what was asked for is what was allowed for.
            version = f"{version}, as {self.model}"
        if reply.reported_micros is not None:
            return Cost(reply.reported_micros, f"reported by {self.kind}", priced)
        return Cost(priced, version)

    def most(self, input_tokens: int, output_tokens: int) -> int | None:
        """What a call of that many tokens costs at most; None if nobody can say before.

        A provider may write all of the input into its cache, which may cost more.
        """
        whole = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
        written = Usage(cache_write_tokens=input_tokens, output_tokens=output_tokens)
        costs = (self._priced(self.model, usage) for usage in (whole, written))
        return max((cost for cost in costs if cost is not None), default=None)

    @property
    def are_known(self) -> bool:
        """True if a call's cost is known after it was made, at the latest."""
        return self.reports or self.most(1_000_000, 1_000_000) is not None

    @property
    def _version(self) -> str:
        return price_table_version() if self.declared is None else self.declared.version

    def _priced(self, model: str, usage: Usage) -> int | None:
        if self.declared is not None:
            return self.declared.micros(usage)
        return price(model, usage, self.provider) if self.provider else None
