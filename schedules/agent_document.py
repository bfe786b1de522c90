"""One YAML document made into an agent: kind, files, runtime and shape, all checked."""

from pathlib import Path
from typing import Any, cast

from activities.runtimes.kinds import RuntimeKindError, runtime_kind, runtime_kinds
from rota.agent_spec import AgentSpec
from rota.runtime_specs.base import RuntimeSettings
from rota.runtimes.kind import RuntimeKind, Shape
from schedules.assembly import Assembly
from schedules.declaration_errors import KeyPath
from schedules.explain import name_type
from schedules.references import FileReferenceError, read_instructions
from schedules.yaml_source import Document

OF_THE_CHAIN = {
    "fallback": "a fallback has none of its own; all of them stand in one list",
    "fallback_after": "the attempts are the same for the whole list",
    "max_turns": "the turns are counted over the whole run",
}
"""Keys that a fallback does not have, and why."""

FILLED_IN = {
    "handoffs": "name the agents under tools: agents.<name>",
    "team_budget": "declare the team: kind: Team, with a budget",
    "team_usd": "declare the team: kind: Team, with a budget",
}
"""Keys that the fleet's other documents fill in, and what to write instead."""


def read_agent(document: Document, data: dict[str, Any], folder: Path) -> AgentSpec:
    """Return the agent that `data`, the top level of `document`, declares.

    Raises:
        DeclarationErrors: everything that is wrong with it.
    """
    assembly = _AgentAssembly(document, folder, dict(data))
    return assembly.finish(assembly.agent())


class _AgentAssembly(Assembly):
    def agent(self) -> AgentSpec | None:
        for key, instead in FILLED_IN.items():
            if key in self.data:
                self.problem((key,), f"filled in by Rota; remove it and {instead}")
                del self.data[key]
        self._resolve_instructions()
        self.resolve_schema("accepts")
        self.resolve_schema("output")
        self._resolve_checks()
        self._resolve_runtime()
        spec = self.validate(AgentSpec, self.data)
        if spec is not None and spec.session.baseline is None:
            for name, check in spec.checks.items():
                if check.baseline is not None:
                    message = "no baseline is kept: declare session: {baseline: manual}, or auto"
                    self.problem(("checks", name, "baseline"), message)
        return spec

    def _resolve_instructions(self) -> None:
        value = self.data.get("instructions")
        if not isinstance(value, str):
            return
        try:
            self.data["instructions"] = read_instructions(self.folder, value)
        except FileReferenceError as error:
            self.problem(("instructions",), str(error))

    def _resolve_checks(self) -> None:
        """Put the schemas of checks in their places."""
        block = self.data.get("checks")
        if isinstance(block, dict):
            checks = cast("dict[str, Any]", block)
            self.data["checks"] = {
                name: self.with_schema(check, ("checks", name)) for name, check in checks.items()
            }

    def _resolve_runtime(self) -> None:
        block = self.data.get("runtime")
        if not isinstance(block, dict):
            return
        settings = dict(cast("dict[str, Any]", block))
        if not isinstance(settings.get("kind"), str):
            return
        self.data["runtime"] = {"kind": settings["kind"]}
        kind = self._kind_of(settings, ("runtime",))
        if kind is None:
            return
        valid = self._valid_settings(kind, settings, ("runtime",))
        fallbacks = self._resolve_fallbacks(settings) if kind.shape is Shape.MODEL else []
        if valid is not None:
            document = valid.model_dump(mode="json")
            self.data["runtime"] = document | ({"fallback": fallbacks} if fallbacks else {})

    def _resolve_fallbacks(self, settings: dict[str, Any]) -> list[dict[str, Any]]:
        """Check each fallback with its own kind's model; what has no form is told already."""
        given = settings.get("fallback")
        found: list[dict[str, Any]] = []
        for index, block in enumerate(cast("list[Any]", given) if isinstance(given, list) else ()):
            if isinstance(block, dict):
                fallback = dict(cast("dict[str, Any]", block))
                valid = self._resolve_fallback(fallback, ("runtime", "fallback", index))
                if valid is not None:
                    found.append(valid.model_dump(mode="json", exclude=set(OF_THE_CHAIN)))
        return found

    def _resolve_fallback(self, block: dict[str, Any], path: KeyPath) -> RuntimeSettings | None:
        if not isinstance(block.get("kind"), str):
            message = f"expected text, got {name_type(block['kind'])}" if "kind" in block else ""
            self.problem((*path, "kind"), message or "missing; say which runtime takes over")
            return None
        for key in OF_THE_CHAIN:
            if key in block:
                del block[key]
                self.problem((*path, key), f"{OF_THE_CHAIN[key]}: write it under runtime itself")
        kind = self._kind_of(block, path)
        if kind is not None and kind.shape is not Shape.MODEL:
            able = ", ".join(n for n, k in runtime_kinds().items() if k.shape is Shape.MODEL)
            self.problem(
                (*path, "kind"),
                f"'{kind.kind}' works by itself and cannot go on with a conversation; "
                f"name one that answers turn by turn: {able}",
            )
            return None
        return self._valid_settings(kind, block, path) if kind is not None else None

    def _kind_of(self, settings: dict[str, Any], path: KeyPath) -> RuntimeKind | None:
        try:
            return runtime_kind(settings["kind"])
        except RuntimeKindError as error:
            self.problem((*path, "kind"), str(error))
        return None

    def _valid_settings(
        self, kind: RuntimeKind, settings: dict[str, Any], path: KeyPath
    ) -> RuntimeSettings | None:
        scripted = kind.kind == "scripted"
        script = self._resolve_script(settings, (*path, "script")) if scripted else None
        if scripted and "script" in settings:
            return None
        return self.validate(kind.settings, settings, path, script)

    def _resolve_script(self, settings: dict[str, Any], path: KeyPath) -> Document | None:
        """Put the turns of `script` in its place; leave the key if that fails."""
        name = settings.get("script")
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
