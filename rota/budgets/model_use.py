"""What each model's answers came to in one run: fallbacks and cheaper models told apart.

Pure. What an answer cost is known by the model that gave it. What was lost is not in here:
nobody answered, so no model is known to have been paid.
"""

from collections.abc import Mapping
from operator import not_

from pydantic import Field

from rota.model import Record
from rota.usage import Usage

MOST_MODELS = 16
"""Names kept of one run: a provider may tell another with each answer."""
LONGEST_NAME = 100
OTHERS = "others"
"""Whatever comes after those."""


class ModelUse(Record):
    """Answers of one model, together."""

    answers: int = 0
    micros: int = 0
    """Micro-dollars, as far as its answers have a price."""
    tokens: int = 0
    """All of them, cached ones and those without a price included."""
    unpriced: int = Field(default=0, exclude_if=not_)
    """Answers without a price; not the same as free."""
    input_tokens: int = Field(default=0, exclude_if=not_)
    """Of `tokens`, those read that no cache held; of cached ones see the next two."""
    output_tokens: int = Field(default=0, exclude_if=not_)
    cache_read_tokens: int = Field(default=0, exclude_if=not_)
    cache_write_tokens: int = Field(default=0, exclude_if=not_)

    def plus(self, other: "ModelUse") -> "ModelUse":
        """Return the sum of both."""
        return ModelUse(
            answers=self.answers + other.answers,
            micros=self.micros + other.micros,
            tokens=self.tokens + other.tokens,
            unpriced=self.unpriced + other.unpriced,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
        )


ByModel = dict[str, ModelUse]
"""By the model's name, in the order of their first answers."""


def with_answer(known: Mapping[str, ModelUse], model: str, usage: Usage) -> ByModel:
    """Return `known` with one more answer; unchanged if nobody says which model gave it."""
    if not model:
        return dict(known)
    name = model[:LONGEST_NAME]
    if name not in known and len(known) >= MOST_MODELS:
        name = OTHERS
    use = ModelUse(
        answers=1,
        micros=usage.counted_micros,
        tokens=usage.tokens,
        unpriced=int(usage.cost_micros is None),
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    return {**known, name: known.get(name, ModelUse()).plus(use)}
