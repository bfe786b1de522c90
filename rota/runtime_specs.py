"""The `runtime` block of a declaration, one model per kind, so that YAML errors are exact.

The runtimes read their settings with the same models: what `rota validate` accepts is
what runs.
"""

import re
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from rota.durations import Duration
from rota.model import Declared

TURN_LIMIT = timedelta(minutes=14)
"""Longest time a runtime may give one turn. Below Temporal's own limit for the attempt, which
knows only that time was up, not what happened, nor whether it was paid for."""

_REFERENCE = r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$"


def _secret_reference(value: str) -> str:
    # The value stays out of the message: it may be the secret itself.
    if not re.fullmatch(_REFERENCE, value):
        raise ValueError("write a reference, env:NAME or file:/path, never the secret itself")
    return value


SecretReference = Annotated[
    str,
    AfterValidator(_secret_reference),
    WithJsonSchema({"type": "string", "pattern": _REFERENCE}),
]


class AnthropicSettings(Declared):
    """`kind: anthropic`: the Claude API, or a gateway that speaks its Messages protocol."""

    kind: Literal["anthropic"] = "anthropic"
    model: str = Field(min_length=1)
    """As the provider names it, for example `claude-haiku-4-5`."""
    max_turns: int = Field(default=20, ge=1, le=1000)
    max_output_tokens: int = Field(default=8192, ge=1)
    """Tokens one answer may have; thinking counts. Reaching it is never success."""
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    """How much the model puts into an answer; None leaves it to the model's default."""
    base_url: str | None = None
    """None: the environment variable ANTHROPIC_BASE_URL, or else the public API."""
    api_key: SecretReference = "env:ANTHROPIC_API_KEY"
    """Reference to the key, `env:NAME` or `file:/path`; never the key itself."""
    timeout: Duration = Field(default=timedelta(minutes=10), gt=timedelta(0), le=TURN_LIMIT)
    """Longest time one turn may take, from the request to the last token."""


class ScriptedCall(Declared):
    """A tool call the script makes; arguments may hold templates over the run."""

    tool: str = Field(min_length=1)
    args: dict[str, Any] = Field(default_factory=dict[str, Any])
    for_each: list[Any] | str | None = None
    """One call per item, the item being `{item}` in `args`: a list, or a template that
    gives one."""


class ScriptedUsage(Declared):
    """Tokens a scripted turn pretends to have used."""

    input_tokens: int = Field(default=0, ge=0)
    output_tokens: int = Field(default=0, ge=0)


class ScriptedTurn(Declared):
    """One answer of the script: words, then either tool calls or the result."""

    say: str = ""
    calls: tuple[ScriptedCall, ...] = ()
    result: Any = None
    """The final answer, any JSON; templates inside are filled."""
    usage: ScriptedUsage = Field(default_factory=ScriptedUsage)
    seconds: float = Field(default=0.0, ge=0.0, le=TURN_LIMIT.total_seconds())
    """How long the turn takes, to make a demo or a test realistic."""

    @model_validator(mode="after")
    def _ends_or_calls(self) -> Self:
        if self.calls and self.result is not None:
            raise ValueError("a turn either calls tools or gives the result, not both")
        return self


class ScriptedSettings(Declared):
    """`kind: scripted`: plays declared turns offline, while the tools are real."""

    kind: Literal["scripted"] = "scripted"
    model: str = "scripted"
    max_turns: int = Field(default=20, ge=1, le=1000)
    turns: tuple[ScriptedTurn, ...] = Field(min_length=1)
    """Played in order, from the first in every run. In YAML also `script: file.yaml`."""


RuntimeSettings = AnthropicSettings | ScriptedSettings

_MODELS: dict[str, type[RuntimeSettings]] = {
    "anthropic": AnthropicSettings,
    "scripted": ScriptedSettings,
}


def runtime_kinds() -> tuple[str, ...]:
    """Return the known kinds, in alphabetical order."""
    return tuple(sorted(_MODELS))


def settings_model(kind: str) -> type[RuntimeSettings]:
    """Return the model of `runtime` blocks of that kind.

    Raises:
        ValueError: there is no such kind; the message lists those there are.
    """
    if kind not in _MODELS:
        raise ValueError(f"unknown runtime '{kind}'; known: {', '.join(runtime_kinds())}")
    return _MODELS[kind]
