"""One YAML document made into an agent: kind, files, runtime and shape, all checked."""

from pathlib import Path
from typing import Any, cast

from activities.runtimes.kinds import RuntimeKindError, runtime_kind
from rota.agent_spec import AgentSpec
from schedules.assembly import Assembly
from schedules.declaration_errors import KeyPath
from schedules.explain import name_type
from schedules.references import FileReferenceError, read_instructions
from schedules.yaml_source import Document


def read_agent(document: Document, data: dict[str, Any], folder: Path) -> AgentSpec:
    """Return the agent that `data`, the top level of `document`, declares.

    Raises:
        DeclarationErrors: everything that is wrong with it.
    """
    assembly = _AgentAssembly(document, folder, dict(data))
    return assembly.finish(assembly.agent())


class _AgentAssembly(Assembly):
    def agent(self) -> AgentSpec | None:
        if "handoffs" in self.data:
            self.problem(
                ("handoffs",),
                "filled in by Rota; remove it and name the agents under tools: agents.<name>",
            )
            del self.data["handoffs"]
        self._resolve_instructions()
        self.resolve_schema("accepts")
        self.resolve_schema("output")
        self._resolve_runtime()
        return self.validate(AgentSpec, self.data)

    def _resolve_instructions(self) -> None:
        value = self.data.get("instructions")
        if not isinstance(value, str):
            return
        try:
            self.data["instructions"] = read_instructions(self.folder, value)
        except FileReferenceError as error:
            self.problem(("instructions",), str(error))

    def _resolve_runtime(self) -> None:
        block = self.data.get("runtime")
        if not isinstance(block, dict):
            return
        settings = dict(cast("dict[str, Any]", block))
        kind = settings.get("kind")
        if not isinstance(kind, str):
            return
        self.data["runtime"] = {"kind": kind}
        try:
            model = runtime_kind(kind).settings
        except RuntimeKindError as error:
            self.problem(("runtime", "kind"), str(error))
            return
        script = self._resolve_script(settings) if kind == "scripted" else None
        if kind == "scripted" and "script" in settings:
            return
        valid = self.validate(model, settings, ("runtime",), script)
        if valid is not None:
            self.data["runtime"] = valid.model_dump(mode="json")

    def _resolve_script(self, settings: dict[str, Any]) -> Document | None:
        """Put the turns of `script` in its place; leave the key if that fails."""
        name = settings.get("script")
        path: KeyPath = ("runtime", "script")
        if "script" not in settings:
            return None
        if not isinstance(name, str):
            self.problem(path, f"expected a file name, got {name_type(name)}")
        elif "turns" in settings:
            self.problem(path, "give either script or turns, not both")
        elif (found := self.read_data(name, path)) is not None:
            del settings["script"]
            settings["turns"] = found.data
            return found
        return None
