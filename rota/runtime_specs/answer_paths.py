"""Where in a program's or a service's own JSON the answer stands, and what it cost.

The kinds `command`, `http` and `n8n` speak to software that was not written for Rota: its
answer has any shape, and the `answer` block says what to read from it.
"""

from typing import Annotated

from pydantic import Field

from rota.language.forms import Form
from rota.model import Declared

JsonPath = Annotated[
    str,
    Form(r"^[\w-]+(\.[\w-]+)*$", "write names and positions joined by dots: data.items.0.text"),
    Field(max_length=500),
]
"""Names and positions joined by dots: `data.items.0.text`."""


class AnswerPaths(Declared):
    """Paths into the JSON that answers; one that is not given is not read."""

    result: JsonPath | None = None
    """The result: text as it is, anything else as JSON. None: the whole answer. It must be
    there."""
    error: JsonPath | None = None
    """What is there, unless it is missing, null, false or empty, means that the work failed."""
    model: JsonPath | None = None
    """The model that answered."""
    cost_usd: JsonPath | None = None
    """What it cost, in dollars. Missing or null means unknown, which is shown as unpriced."""
    input_tokens: JsonPath | None = None
    """Uncached input tokens; missing or null counts as none, as with the other tokens."""
    output_tokens: JsonPath | None = None
    cache_read_tokens: JsonPath | None = None
    cache_write_tokens: JsonPath | None = None

    @property
    def tells_usage(self) -> bool:
        """Whether tokens are read."""
        return self.input_tokens is not None or self.output_tokens is not None

    @property
    def tells_cost(self) -> bool:
        """Whether the cost is read."""
        return self.cost_usd is not None
