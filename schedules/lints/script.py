"""Scripts that call what their agent does not have: valid, and refused in every run."""

from collections.abc import Iterator

from rota.agent_spec import AgentSpec, RuntimeSpec
from rota.runtime_specs.scripted import KIND, ScriptedSettings
from schedules.explain import suggest
from schedules.remarks import Remark


def script_remarks(spec: AgentSpec) -> Iterator[Remark]:
    """Say which calls of the agent's scripts, fallbacks too, name none of its tools."""
    for index, runtime in enumerate(spec.runtime.chain):
        if runtime.kind == KIND.kind:
            place = ("runtime", "fallback", index - 1) if index else ("runtime",)
            yield from _of_script(spec, runtime, place)


def _of_script(
    spec: AgentSpec, runtime: RuntimeSpec, place: tuple[str | int, ...]
) -> Iterator[Remark]:
    settings = ScriptedSettings.model_validate(runtime.settings)
    for number, turn in enumerate(settings.turns):
        for position, call in enumerate(turn.calls):
            if call.tool not in spec.tools:
                message = (
                    f"'{call.tool}' is none of this agent's tools, so the call will be refused; "
                    f"{_hint(call.tool, spec)}"
                )
                path = (*place, "turns", number, "calls", position, "tool")
                yield Remark("warning", path, message)


def _hint(tool: str, spec: AgentSpec) -> str:
    return suggest(tool, list(spec.tools)) if spec.tools else "it lists none: add it to tools"
