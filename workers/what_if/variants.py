"""What is tried instead: another model, other instructions, another runtime."""

from dataclasses import dataclass
from typing import Any, cast

import yaml
from pydantic import ValidationError

from activities.call_prices import CallPrices
from activities.runtimes.kinds import RuntimeKindError, runtime_kind
from rota.agent_spec import AgentSpec, RuntimeSpec
from rota.runtimes.kind import Shape


class VariantError(ValueError):
    """What is to be tried cannot be; one line that says how to mend it."""


@dataclass(frozen=True)
class Variant:
    """What differs from a run's own declaration."""

    model: str | None = None
    instructions: str | None = None
    runtime: dict[str, Any] | None = None
    """A whole `runtime` block."""
    declared: AgentSpec | None = None
    """The agent as files declare it, in place of what the run was given."""

    @property
    def told(self) -> str:
        """One line for people."""
        parts = [
            "as the files declare it" if self.declared is not None else "",
            f"runtime {self.runtime['kind']}" if self.runtime is not None else "",
            f"model {self.model}" if self.model is not None else "",
            "other instructions" if self.instructions is not None else "",
        ]
        return ", ".join(part for part in parts if part) or "nothing changed"

    def of(self, spec: AgentSpec) -> AgentSpec:
        """The declaration that is tried with a run that was given `spec`.

        Fallbacks are left out: another model must not answer in place of the one that is tried.

        Raises:
            VariantError: the runtime is none, or works by itself.
        """
        base = self.declared or spec
        block = self.runtime or base.runtime.model_dump(mode="json")
        block = {key: value for key, value in block.items() if not key.startswith("fallback")}
        if self.model is not None and self.model != block.get("model"):
            # The block's own price is that of the other model.
            block = {**{k: v for k, v in block.items() if k != "price"}, "model": self.model}
        document = {**base.document, "runtime": _plain(block)}
        if self.instructions is not None:
            document["instructions"] = self.instructions
        tried = AgentSpec.model_validate(document)
        check_runtime(tried.runtime)
        return tried


def read_runtime(text: str) -> dict[str, Any]:
    """Read a runtime block: YAML or JSON, or the name of a kind alone.

    Raises:
        VariantError: it is neither.
    """
    try:
        block: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise VariantError(f"--runtime: not YAML: {error}") from error
    if isinstance(block, str):
        return {"kind": block}
    if not isinstance(block, dict) or "kind" not in block:
        raise VariantError("--runtime: expected a block such as '{kind: bedrock, model: …}'")
    return cast("dict[str, Any]", block)


def check_runtime(runtime: RuntimeSpec) -> None:
    """Refuse a runtime that cannot be backtested.

    Raises:
        VariantError: no such kind, settings that do not fit, or one that works by itself: what
            it does, nobody can hold back.
    """
    try:
        kind = runtime_kind(runtime.kind)
        kind.settings.model_validate(runtime.settings)
    except RuntimeKindError as error:
        raise VariantError(str(error)) from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in ("runtime", *first["loc"]))
        raise VariantError(f"{where}: {first['msg']}") from error
    if kind.shape is not Shape.MODEL:
        raise VariantError(
            f"runtime '{runtime.kind}' works by itself, and its effects cannot be held back: "
            "name one that answers turn by turn with --runtime"
        )


def is_priced(runtime: RuntimeSpec) -> bool:
    """True if what its calls cost is known after each, at the latest."""
    return CallPrices.of(runtime.kind, runtime.settings).are_known


def _plain(block: dict[str, Any]) -> dict[str, Any]:
    """Without keys of every runtime that are null: they were left out."""
    return RuntimeSpec.model_validate(block).settings
