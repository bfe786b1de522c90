"""Whether what a pipeline's nodes take from one another can be there.

Pure. A node sees the pipeline's input, the slot, its item, and the nodes that come before
it; of those with an output schema even the paths inside their results are known.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rota.agent_spec import AgentSpec
from rota.coordination.handoffs import handoff_of
from rota.language.conditions import condition_paths
from rota.language.templates import TemplateError, paths, render, required_paths
from rota.pipelines.inputs import OWN
from rota.pipelines.spec import NodeSpec, PipelineSpec
from rota.turns.calls import HandoffMode
from schedules.cycles import reachable
from schedules.declaration_errors import KeyPath
from schedules.explain import suggest
from schedules.lints.pipeline import handled, upstreams
from schedules.lints.template import leaves
from schedules.remarks import Remark
from schedules.schema_paths import NoSuchPathError, Schema, subschema, types_of

RESULT_KEYS = ("output", "output_digest", "reason", "run_id", "status")
"""What a node before gives to templates and conditions."""


def scope_remarks(spec: PipelineSpec, agents: Mapping[str, AgentSpec]) -> Iterator[Remark]:
    """Yield every template and condition that names what cannot be there."""
    edges = {name: upstreams(spec, name) for name in spec.nodes}
    sure = _sure_edges(spec, edges)
    for name, node in spec.nodes.items():
        if node.when is None and node.for_each is None and not node.input:
            continue
        before, ended = reachable(name, edges), reachable(name, sure)
        yield from _Scope(spec, name, node, before, ended, agents).remarks()


def _sure_edges(spec: PipelineSpec, edges: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return `edges` without those to nodes that may still be at work.

    The remedy of several nodes runs as soon as one of them has failed, so only what all of
    them waited for has surely ended.
    """
    sure = dict(edges)
    for name in spec.nodes:
        subjects = handled(spec, name)
        if len(subjects) > 1:
            ended = set[str].intersection(*({s, *reachable(s, edges)} for s in subjects))
            waited_for = {*ended, *spec.nodes[name].after}
            sure[name] = [other for other in spec.nodes if other in waited_for]
    return sure


@dataclass(frozen=True)
class _Scope:
    spec: PipelineSpec
    name: str
    node: NodeSpec
    before: set[str]
    """Nodes that have ended when this one starts, or are among those that it is a remedy of."""
    ended: set[str]
    """Those of them that have ended for sure."""
    agents: Mapping[str, AgentSpec]

    def remarks(self) -> Iterator[Remark]:
        """Look at `when`, `for_each` and `input`, in that order."""
        base: KeyPath = ("nodes", self.name)
        if self.node.when is not None:
            for path in sorted(condition_paths(self.node.when)):
                # In a condition what is missing is null, so only the impossible is an error.
                if problem := self._problem(path, path, required=False, item=False):
                    yield Remark("error", (*base, "when"), problem)
        for path, text in leaves(self.node.for_each, (*base, "for_each")):
            yield from self._template(path, text, item=False)
        yield from self._items((*base, "for_each"))
        for path, text in leaves(self.node.input, (*base, "input")):
            yield from self._template(path, text, item=True)

    def _template(self, path: KeyPath, text: str, *, item: bool) -> Iterator[Remark]:
        try:
            named, required = paths(text), required_paths(text)
        except TemplateError as error:
            yield Remark("error", path, str(error))
            return
        for name in sorted(named):
            shown = f"{{{name}}}"
            if problem := self._problem(name, shown, required=name in required, item=item):
                yield Remark("error", path, problem)

    def _problem(self, path: str, shown: str, *, required: bool, item: bool) -> str | None:
        first, *rest = path.split(".")
        if first == "input":
            return self._input_problem(rest, path) if required else None
        if first == "slot":
            return f"{shown}: a slot is one time, with nothing inside; write slot" if rest else None
        if first == "item":
            if not item:
                return f"{shown}: there is an item only under 'input'"
            return self._item_problem(rest, shown, required=required)
        return self._node_problem(first, rest, shown, required=required)

    def _input_problem(self, rest: list[str], path: str) -> str | None:
        if not rest or rest[0] in _given_by_others(self.spec):
            return None
        try:
            render(f"{{{path}}}", {"input": self.spec.input})
        except TemplateError as error:
            cure = f"give it under the pipeline's 'input', or a default: {{{path}|...}}"
            return None if self.spec.input.get(rest[0], 0) is None else f"{error}; {cure}"
        return None

    def _item_problem(self, rest: list[str], shown: str, *, required: bool) -> str | None:
        if self.node.for_each is None:
            return f"{shown}: there is no item; add for_each to the node"
        items = self._items_schema()
        try:
            subschema(items, ["0", *rest])
        except NoSuchPathError as error:
            return f"{shown}: an item {error}" if required or error.certain else None
        return None

    def _node_problem(
        self, first: str, rest: list[str], shown: str, *, required: bool
    ) -> str | None:
        if first == self.name:
            return f"{shown}: a node does not see its own result; name a node before it"
        if first not in self.spec.nodes:
            known = sorted({*OWN, *self.before})
            return f"{shown}: no node '{first}'; {suggest(first, known)}"
        if first not in self.before:
            return f"{shown}: '{first}' does not come before this node; add it to 'after'"
        if required and first not in self.ended:
            return (
                f"{shown}: '{first}' may still be at work, as a remedy of several nodes runs when "
                f"the first of them has failed; give a default: {shown[:-1]}|...}}"
            )
        if rest and rest[0] not in RESULT_KEYS:
            return f"{shown}: a node has no '{rest[0]}'; {suggest(rest[0], RESULT_KEYS)}"
        if rest[:1] != ["output"]:
            deeper = len(rest) > 1
            return f"{shown}: '{rest[0]}' is text, with nothing inside" if deeper else None
        try:
            subschema(self._output_schema(first), rest[1:])
        except NoSuchPathError as error:
            in_condition = not shown.startswith("{")
            told = required or in_condition or error.certain
            return f"{shown}: the output of '{first}' {error}" if told else None
        return None

    def _output_schema(self, name: str) -> Schema:
        node = self.spec.nodes[name]
        schema = _result_schema(self.agents.get(node.agent))
        return schema if node.for_each is None else {"type": "array", "items": schema}

    def _items_schema(self) -> Schema:
        """Return what is known of `for_each`'s list: of one that is an earlier node's output."""
        source = _whole_path(self.node.for_each)
        first, *rest = (source or "").split(".")
        if first not in self.before or rest[:1] != ["output"]:
            return {}
        try:
            return subschema(self._output_schema(first), rest[1:]) or {}
        except NoSuchPathError:
            return {}  # told of at for_each itself

    def _items(self, path: KeyPath) -> Iterator[Remark]:
        if not isinstance(self.node.for_each, str):
            return
        kinds = types_of(self._items_schema())
        if kinds and "array" not in kinds:
            yield Remark(
                "error",
                path,
                f"for_each needs a list, and {self.node.for_each} is of type "
                f"{' or '.join(sorted(kinds))}",
            )
        elif _whole_path(self.node.for_each) is None:
            yield Remark(
                "error",
                path,
                f"for_each needs a list, and '{self.node.for_each}' makes text; write one "
                "template and nothing around it, for example {report.output.rows}",
            )


def _whole_path(template: Any) -> str | None:
    """Return the path of a text that is one template and nothing else."""
    if not isinstance(template, str):
        return None
    try:
        (path,) = paths(template)
    except (TemplateError, ValueError):
        return None
    inside = template.startswith("{") and template.endswith("}") and template.count("{") == 1
    return path if inside else None


def _result_schema(agent: AgentSpec | None) -> Schema:
    if agent is None or agent.output is None:
        return {}
    handoffs = [handoff_of(tool) for tool in agent.tools]
    if any(handoff and handoff.mode is HandoffMode.TRANSFER for handoff in handoffs):
        return {}  # after a transfer the result names the other agent's run
    return agent.output.json_schema


def _given_by_others(spec: PipelineSpec) -> set[str]:
    """Return the keys that an event lays into the input, or a webhook, whichever it is."""
    given = {
        key
        for subscription in spec.on
        for key in (("event",) if subscription.input is None else subscription.input)
    }
    if spec.hook is not None:
        given.update(("hook",) if spec.hook.input is None else spec.hook.input)
    return given
