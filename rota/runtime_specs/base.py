"""What the `runtime` blocks of all kinds have in common, and how they refer to secrets.

The runtimes read their settings with the same models: what `rota validate` accepts is
what runs.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, ClassVar, cast

from pydantic import AfterValidator, Field, WithJsonSchema

from rota.budgets.model_price import ModelPrice
from rota.language.durations import Duration
from rota.model import Declared

TURN_LIMIT = timedelta(minutes=14)
"""Longest time a runtime may give one turn. Below Temporal's own limit for the attempt, which
knows only that time was up, not what happened, nor whether it was paid for."""

REFERENCE = r"(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)"
"""What a reference to a secret looks like, whole."""


def is_reference(value: str) -> bool:
    """True of a value that names a secret instead of being one."""
    return re.fullmatch(REFERENCE, value) is not None


def _secret_reference(value: str) -> str:
    # The value stays out of the message: it may be the secret itself.
    if not is_reference(value):
        raise ValueError("write a reference, env:NAME or file:/path, never the secret itself")
    return value


SecretReference = Annotated[
    str,
    AfterValidator(_secret_reference),
    WithJsonSchema({"type": "string", "pattern": f"^{REFERENCE}$"}),
]

_BASE_URL = r"^https?://[^\s/?#@\\]+(/[^\s?#@\\]*)?$"


def _base_url(value: str) -> str:
    # The value stays out of the message: it may hold a password.
    if not re.fullmatch(_BASE_URL, value):
        raise ValueError("write a URL such as https://host/path, without a user or a query")
    return value.rstrip("/")


BaseUrl = Annotated[
    str, AfterValidator(_base_url), WithJsonSchema({"type": "string", "pattern": _BASE_URL})
]
"""Where a provider's API is. Named in accounts, logs and tables: never with a password."""

QueueName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


class RuntimeSettings(Declared):
    """The keys of every `runtime` block. Each kind's model adds `kind` and its own."""

    SECRETS: ClassVar[tuple[str, ...]] = ()
    """Names of the fields that refer to a secret which must be there before a run starts."""

    queue: QueueName | None = None
    """Task queue of this runtime's calls, shared by all agents that name it; None: the run's
    own. Its rate is the provider's, whichever worker makes the call."""
    requests_per_second: float | None = Field(default=None, gt=0, le=100_000)
    """Most calls a second that the server hands out from `queue`, over all workers."""

    @property
    def account(self) -> str:
        """Whose capacity a call uses, in words without secrets: one breaker for each.

        Empty: nobody's, so there is none.
        """
        return "default"

    @property
    def prices(self) -> str | None:
        """Whose prices its model has, by the price table's id; None: those of its kind.

        Empty: nobody's.
        """
        return None

    @property
    def callback_key(self) -> str | None:
        """The key by which the provider is to be given an address of ours; None: it is not."""
        return None

    def secret_references(self) -> Iterator[tuple[str, str]]:
        """Yield the key and the reference of every secret the block names."""
        for name in type(self).SECRETS:
            value: object = getattr(self, name)
            if isinstance(value, str):
                yield name, value
            elif isinstance(value, Mapping):
                for key, item in cast("Mapping[str, Any]", value).items():
                    if isinstance(item, str) and is_reference(item):
                        yield f"{name}.{key}", item


class ModelSettings(RuntimeSettings):
    """A runtime that answers turn by turn: Rota keeps the conversation and runs the loop."""

    model: str = Field(min_length=1)
    """As the provider names it."""
    max_turns: int = Field(default=20, ge=1, le=1000)
    max_output_tokens: int = Field(default=8192, ge=1)
    """Tokens one answer may have; thinking counts. Reaching it is never success."""
    price: ModelPrice | None = None
    """What the model costs; None: as the price table says. What the provider itself tells of
    a call's cost counts before both."""
    timeout: Duration = Field(default=timedelta(minutes=10), gt=timedelta(0), le=TURN_LIMIT)
    """Longest time one turn may take, from the request to the last token."""
    fallback: tuple[dict[str, Any], ...] = Field(default=(), max_length=5)
    """Runtime blocks, in order: the next one takes over, with the same conversation, from one
    that is overloaded, broken or closed by its breaker."""
    fallback_after: int = Field(default=2, ge=1, le=100)
    """Attempts at a turn before the next runtime takes over."""


class CalledBy(StrEnum):
    """How a provider that calls when its session has moved on says whose session it is."""

    RUN = "run"
    """By the address it was given, which is the run's own."""
    SESSION = "session"
    """By the session's id, signed, at an address that is the kind's."""


class SessionSettings(RuntimeSettings):
    """A runtime that works by itself: Rota starts it, watches it, answers it, collects."""

    max_turns: int = Field(default=100, ge=1, le=1000)
    """How often it may stop to be answered, its tool calls included."""
    inactivity: Duration = Field(default=timedelta(minutes=15), gt=timedelta(0))
    """Longest time without any sign of progress; then it is stopped and the run fails."""
    patience: Duration = Field(default=timedelta(days=7), gt=timedelta(0))
    """Longest time it may wait for a person. That time is not run time."""
    poll: Duration = Field(default=timedelta(seconds=2), gt=timedelta(0))
    """First pause between two looks; grows to fifteen times as much while nothing happens."""

    @property
    def is_one_call(self) -> bool:
        """Whether the provider's only call answers with the result.

        Watching then makes it, and `submit` only names the session.
        """
        return False

    @property
    def called_by(self) -> CalledBy | None:
        """Whether its provider calls when there is something to look at: it is asked rarely then.

        None: it does not, or what it posts is the answer itself.
        """
        return None
