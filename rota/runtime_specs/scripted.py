"""`kind: scripted`: plays declared turns offline, while the tools are real."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from rota.model import Declared
from rota.runtime_specs.base import TURN_LIMIT, ModelSettings
from rota.runtimes.kind import Capabilities, RuntimeKind, Shape


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


class ScriptedSettings(ModelSettings):
    """`kind: scripted`: plays declared turns offline, while the tools are real."""

    kind: Literal["scripted"] = "scripted"
    model: str = "scripted"
    turns: tuple[ScriptedTurn, ...] = Field(min_length=1)
    """Played in order, from the first in every run. In YAML also `script: file.yaml`."""

    @property
    def account(self) -> str:
        """Nobody's: it calls nobody."""
        return ""


KIND = RuntimeKind(
    kind="scripted",
    shape=Shape.MODEL,
    summary="plays declared turns, offline",
    settings=ScriptedSettings,
    capabilities=Capabilities(
        idempotent_start=True, reattach=True, tools=True, converse=True, usage=True, cost=True
    ),
    implementation="activities.runtimes.scripted:ScriptedRuntime",
)
