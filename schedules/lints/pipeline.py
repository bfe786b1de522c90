"""Whether a pipeline's nodes make a graph that can run: names, edges, no circle.

Pure. What the nodes say to one another is looked at in `schedules.node_scopes`.
"""

from collections.abc import Iterator

from rota.pipelines.inputs import OWN
from rota.pipelines.spec import After, PipelineSpec
from schedules.cycles import find_cycles, shown
from schedules.declaration_errors import KeyPath
from schedules.explain import suggest
from schedules.remarks import Remark


def graph_remarks(spec: PipelineSpec) -> Iterator[Remark]:
    """Yield what keeps the nodes of `spec` from running in some order."""
    for name in spec.nodes:
        if name in OWN:
            yield Remark(
                "error",
                ("nodes", name),
                f"'{name}' means something else in templates; rename the node",
            )
    yield from _unknown(spec)
    yield from _contradictions(spec)
    for circle in find_cycles({name: upstreams(spec, name) for name in spec.nodes}):
        if len(circle) > 2:  # a node that waits for itself is told of already
            first = circle[0]
            yield Remark(
                "error",
                ("nodes", first, "after"),
                f"nodes wait for one another in a circle: {shown(circle)}; remove one 'after'",
            )


def upstreams(spec: PipelineSpec, name: str) -> list[str]:
    """Return the nodes that `name` waits for, those it is the remedy of included."""
    declared = [node for node in spec.nodes[name].after if node in spec.nodes]
    return [*declared, *handled(spec, name)]


def handled(spec: PipelineSpec, name: str) -> list[str]:
    """Return the nodes that name `name` in `on_failure.run`."""
    return [other for other, node in spec.nodes.items() if node.on_failure.run == name]


def _unknown(spec: PipelineSpec) -> Iterator[Remark]:
    for name, node in spec.nodes.items():
        after: KeyPath = ("nodes", name, "after")
        run: KeyPath = ("nodes", name, "on_failure", "run")
        for path, target in [*((after, t) for t in node.after), (run, node.on_failure.run)]:
            if target is None:
                continue
            if target == name:
                does = "waits for itself" if path is after else "is its own remedy"
                yield Remark("error", path, f"'{name}' {does}; name another node, or none")
            elif target not in spec.nodes:
                hint = suggest(target, [other for other in spec.nodes if other != name])
                yield Remark("error", path, f"no node '{target}'; {hint}")


def _contradictions(spec: PipelineSpec) -> Iterator[Remark]:
    """A node that runs only when another has failed must not wait for anything else."""
    remedies = {node.on_failure.run for node in spec.nodes.values()} & {*spec.nodes}
    for name in (name for name in spec.nodes if name in remedies):
        sources = handled(spec, name)
        for target, condition in spec.nodes[name].after.items():
            path: KeyPath = ("nodes", name, "after")
            if target not in sources and target in spec.nodes:
                yield Remark(
                    "error",
                    path,
                    f"'{name}' runs only when {_names(sources)} has failed (on_failure.run), and "
                    f"cannot wait for '{target}' too; remove one of them",
                )
            elif target in sources and condition is After.SUCCEEDED:
                yield Remark(
                    "error",
                    path,
                    f"'{name}' runs only when '{target}' has failed (on_failure.run), and waits "
                    "here for its success; remove this 'after'",
                )


def _names(names: list[str]) -> str:
    return " or ".join(f"'{name}'" for name in names)
